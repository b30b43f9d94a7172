"""Words of the field: endings of names, labels that say what a host does, protocols and states."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


COMMON_LABELS = _words(
    "www www1 www2 mail smtp imap pop pop3 mx mx1 mx2 ns ns1 ns2 ns3 dns ftp sftp ssh vpn api cdn static assets img "
    "images media m mobile dev test staging app apps web blog shop login auth sso portal admin proxy gateway gw router "
    "dc dc1 dc2 ad ldap kdc ntp time pool update updates download downloads wpad isatap autodiscover localhost "
    "localdomain broadcasthost crl ocsp stats analytics"
)
"""Labels that stay as they are: they name a service, not somebody."""

INSIDE_ENDS = _words("arpa local localdomain lan home internal corp intranet test example invalid localhost")
"""Endings that no public name server answers for."""

SECOND_ENDS = _words("co com ac gov org net edu ne or go gob mil")
"""Labels before an ending of two letters under which names are given out."""

ENDS = _words(
    "com net org edu gov mil int info biz io dev app cloud online xyz top site club de uk ru cn fr nl it es pl ch at "
    "be se no dk fi cz eu us ca au br jp kr in ir tr ua gr pt hu ro sk za mx ar tv me cc co"
)
"""The endings of most names that are seen; others look like files as often as not."""

PROTOCOLS = _words(
    "tcp udp icmp igmp icmp6 icmpv6 ipv6-icmp gre esp ah arp sctp ospf pim ipv6 ip unknown_transport rtp rtcp udt rarp "
    "ipip egp rsvp any other llc lldp stp vrrp unas ib isis"
)
PROTOCOL_NUMBERS = frozenset((0, 1, 2, 6, 17, 41, 47, 50, 51, 58, 89, 103, 112, 132, 255))
STATES = (
    _words("S0 S1 SF REJ S2 S3 RSTO RSTR RSTOS0 RSTRH SH SHR OTH"),
    _words("FIN INT CON REQ RST ACC CLO ECO ECR MAS PAR TST TXD URH URN URP no NRS"),
    _words(
        "ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK LISTEN CLOSING new "
        "established closed"
    ),
)
"""Words for the state of a connection, as Zeek (and KDD'99), Argus, and operating systems have them."""
