"""A record as MLCommons Croissant 1.0 JSON-LD, with PROV derivation and responsible-AI fields; and back."""

from __future__ import annotations

import datetime
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seedstock.core.errors import InputError
from seedstock.provenance.record import MAX_BYTES, METADATA_KEY, canonical, from_metadata

SUFFIX = ".croissant.json"
_HOME = "https://github.com/seedstock/seedstock"
_FORMATS = {
    "parquet": "application/x-parquet",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "json": "application/json",
    "jsonl": "application/jsonlines",
    "ndjson": "application/jsonlines",
    "arrow": "application/vnd.apache.arrow.file",
    "feather": "application/vnd.apache.arrow.file",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "seedstock": f"{_HOME}/ns#",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(
    value: Mapping[str, Any],
    files: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    name: str = "synthetic",
    licence: str | None = None,
    created: str | None = None,
) -> dict[str, Any]:
    """Return a record as a Croissant description of the files that hold the rows.

    Parameters
    ----------
    value : mapping
        The record.
    files : mapping or sequence of mapping
        Of each file ``name``, ``sha256`` (hexadecimal) and ``bytes``; its format is read off the name's ending.
        The first one is the table that the fields point to.
    licence : str
        A URL or an SPDX name; without one it says that the source's terms hold.
    created : str
        Date as ``YYYY-MM-DD``; today, or that of the environment's ``SOURCE_DATE_EPOCH``, by default.

    Examples
    --------
    >>> from seedstock.provenance.record import record
    >>> r = record([{"name": "a.csv", "declared": "real"}], {"tables": {}}, "forest", {}, 1)
    >>> croissant(r, {"name": "s.csv", "sha256": "0" * 64, "bytes": 1})["rai:hasSyntheticData"]
    True
    """
    listed = [files] if isinstance(files, Mapping) else list(files)
    date = created or _today()
    generator = value["generator"]
    parents = value.get("parents", [])
    return {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": _id(name),
        "description": describe(value),
        "datePublished": date,
        "version": "1.0.0",
        "license": licence or f"{_HOME}#licence-of-grown-data",
        "url": f"{_HOME}#provenance",
        "citeAs": f"@misc{{{_id(name)}, title={{{_id(name)}: grown with Seedstock}}, year={{{date[:4]}}}}}",
        "creator": {"@type": "sc:Organization", "name": "Seedstock", "url": _HOME},
        "keywords": ["synthetic data", f"generation {value['generation']}"],
        "isLiveDataset": False,
        "distribution": [_file(f) for f in listed],
        "recordSet": _record_sets(value.get("schema", {}), listed[0]),
        "prov:wasDerivedFrom": [_entity(p, k) for k, p in enumerate(parents)],
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "@id": "activity/grow",
            "prov:label": f"drawn from the {generator['name']} generator, seed {generator['seed']}",
            "prov:used": [{"@id": f"source/{k}"} for k in range(len(parents))],
            "prov:wasAssociatedWith": {
                "@type": "prov:SoftwareAgent",
                "@id": "agent/seedstock",
                "prov:label": "Seedstock",
                "softwareVersion": str(value.get("versions", {}).get("seedstock", "unknown")),
            },
        },
        **responsible(value),
        "seedstock:generation": value["generation"],
        "seedstock:record": canonical(value),
    }


def from_croissant(value: Any) -> dict[str, Any] | None:
    """Return the record in a Croissant description; None where there is none (it is somebody else's).

    An `InputError` says where it is damaged.
    """
    if not isinstance(value, Mapping):
        raise InputError("a Croissant description must be a JSON object, not a list or a number")
    text = value.get("seedstock:record")
    return None if text is None else from_metadata({METADATA_KEY: text if isinstance(text, str) else canonical(text)})


def sidecar(path: str | os.PathLike[str]) -> Path:
    """Return where a Croissant description stands: ``FILE.croissant.json``, or ``croissant.json`` beside it.

    That of a folder (of images) stands in it.
    """
    file = Path(path)
    if file.is_dir():
        return file / "croissant.json"
    beside = file.with_name(file.name + SUFFIX)
    shared = file.with_name("croissant.json")
    return shared if shared.is_file() and not beside.is_file() else beside


def read_sidecar(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Return the Croissant description beside a file, if there is one that names the file."""
    file = sidecar(path)
    try:
        if file.stat().st_size > MAX_BYTES:
            raise InputError(f"{str(file)!r} takes more than {MAX_BYTES >> 20} MiB; that is no Croissant description")
        value = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError):
        raise InputError(f"{str(file)!r} is damaged: it is not JSON; remove it, or take it from the origin") from None
    except OSError as error:
        raise InputError(f"{str(file)!r} cannot be read: {error.strerror}") from None
    if not isinstance(value, dict):
        raise InputError(f"{str(file)!r} is no Croissant description: it is not a JSON object")
    names = {str(f.get("contentUrl", f.get("name"))) for f in _objects(value.get("distribution"))}
    if file.name == "croissant.json" and not Path(path).is_dir() and Path(path).name not in names:
        return None
    return value


def file_facts(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return a file's ``name``, ``bytes`` and ``sha256``."""
    import hashlib

    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": Path(path).name, "bytes": os.path.getsize(path), "sha256": digest}


def hash_in(value: Mapping[str, Any], name: str) -> str | None:
    """Return the SHA-256 that a Croissant description gives for a file."""
    for f in _objects(value.get("distribution")):
        if f.get("contentUrl", f.get("name")) == name and isinstance(f.get("sha256"), str):
            return str(f["sha256"]).lower()
    return None


def describe(value: Mapping[str, Any]) -> str:
    """Return a record in two or three sentences."""
    generator = value["generator"]
    names = [str(p.get("name", "unnamed data")) for p in value.get("parents", [])]
    rows = (value.get("data") or {}).get("rows")
    what = f"{rows:,} synthetic rows" if isinstance(rows, int) else "Synthetic rows"
    known = (
        ""
        if value.get("authenticated")
        else " The origin of its sources is not authenticated, so this is the least it can be."
    )
    mark = value.get("watermark", {})
    marked = (
        "The rows carry a statistical mark."
        if mark.get("on")
        else f"The rows carry no mark ({mark.get('why', 'off')})."
    )
    return (
        f"{what} of generation {value['generation']} (0 is real, 1 is grown from real), drawn with seed "
        f"{generator['seed']} from the {generator['name']} generator fitted to {', '.join(names) or 'unknown data'}."
        f"{known} {marked}"
    )


def responsible(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the responsible-AI fields of a record (Croissant RAI 1.0); the data card shows them in words."""
    generator = value["generator"]
    edits = value.get("edits", {})
    overrides = [f"Override of {o.get('rule')}: {o.get('reason')}" for o in value.get("overrides", [])]
    return {
        "rai:hasSyntheticData": True,
        "rai:dataCollection": f"No row was collected: all were drawn from a fitted model ({generator['name']}).",
        "rai:dataCollectionType": ["Software Collection", "Others"],
        "rai:dataPreprocessingProtocol": [
            f"{edits.get('count', 0)} cells or rows of the source were edited before the fit."
        ],
        "rai:dataLimitations": [
            "Synthetic rows show what the generator learned, rare and unseen situations least of all.",
            "Training on synthetic rows alone, again and again, loses the tails; keep the real rows beside them.",
            *overrides,
        ],
        "rai:dataBiases": ["Whatever imbalance the source has, these rows repeat, unless conditions were asked for."],
        "rai:dataUseCases": ["Training", "Testing", "Development"],
        "rai:dataSocialImpact": "Marked and recorded as synthetic, so that it is not taken for observation.",
        "rai:personalSensitiveInformation": [
            "No row is a person's record; rows resemble those of the source's people."
        ],
        "rai:dataReleaseMaintenancePlan": "Grown again from the same sources, settings and seed.",
    }


def _entity(parent: Mapping[str, Any], k: int) -> dict[str, Any]:
    out: dict[str, Any] = {
        "@type": "prov:Entity",
        "@id": f"source/{k}",
        "prov:label": str(parent.get("name", "data")),
    }
    for ours, theirs in (("sha256", "sha256"), ("content", "seedstock:content"), ("rows", "seedstock:rows")):
        if parent.get(ours) is not None:
            out[theirs] = parent[ours]
    generation = parent.get("generation")
    out["seedstock:generation"] = "unauthenticated" if generation is None else generation
    grand = (parent.get("record") or {}).get("parents") or []
    if grand:
        out["prov:wasDerivedFrom"] = [{**_entity(g, j), "@id": f"source/{k}/{j}"} for j, g in enumerate(grand)]
    return out


def _file(facts: Mapping[str, Any]) -> dict[str, Any]:
    name = str(facts["name"])
    return {
        "@type": "cr:FileObject",
        "@id": _id(name),
        "name": _id(name),
        "contentUrl": name,
        "contentSize": f"{facts.get('bytes', 0)} B",
        "encodingFormat": _FORMATS.get(name.rsplit(".", 1)[-1].lower(), "application/octet-stream"),
        "sha256": str(facts["sha256"]),
    }


def _record_sets(schema: Mapping[str, Any], file: Mapping[str, Any]) -> list[dict[str, Any]]:
    out = []
    for k, (table, columns) in enumerate(schema.get("tables", {}).items()):
        fields = []
        for i, (column, s) in enumerate(columns.items()):
            fields.append(
                {
                    "@type": "cr:Field",
                    "@id": f"table{k}/column{i}",
                    "name": str(column),
                    "description": f"{s.get('kind')}" + (f", {', '.join(s['roles'])}" if s.get("roles") else ""),
                    "dataType": _data_type(str(s.get("dtype", "")), str(s.get("kind", ""))),
                    "source": {"fileObject": {"@id": _id(str(file["name"]))}, "extract": {"column": str(column)}},
                }
            )
        out.append({"@type": "cr:RecordSet", "@id": f"table{k}", "name": str(table), "field": fields})
    return out


def _data_type(dtype: str, kind: str) -> str:
    if kind == "image":
        return "sc:ImageObject"
    if dtype == "bool":
        return "sc:Boolean"
    if re.fullmatch(r"u?int\d+", dtype):
        return "sc:Integer"
    if dtype.startswith(("float", "decimal")):
        return "sc:Float"
    if dtype == "date":
        return "sc:Date"
    return "sc:DateTime" if dtype.startswith("datetime") else "sc:Text"


def _objects(value: Any) -> list[Mapping[str, Any]]:
    items = value if isinstance(value, list) else [value]
    return [v for v in items if isinstance(v, Mapping)]


def _id(name: str) -> str:
    """Return a name without the characters that Croissant identifiers must not have."""
    return re.sub(r"[^\w.\-]+", "-", name) or "data"


def _today() -> str:
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isdigit():
        return datetime.datetime.fromtimestamp(int(epoch), datetime.UTC).date().isoformat()
    return datetime.datetime.now(datetime.UTC).date().isoformat()
