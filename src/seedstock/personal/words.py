"""Words by which names of people are known, and of which stand-ins are made."""

from __future__ import annotations

# fmt: off
FIRST = (
    "James", "Mary", "Robert", "Patricia", "John", "Jennifer", "Michael", "Linda", "David", "Elizabeth", "William",
    "Barbara", "Richard", "Susan", "Joseph", "Jessica", "Thomas", "Sarah", "Charles", "Karen", "Christopher",
    "Lisa", "Daniel", "Nancy", "Matthew", "Betty", "Anthony", "Margaret", "Mark", "Sandra", "Donald", "Ashley",
    "Steven", "Kimberly", "Paul", "Emily", "Andrew", "Donna", "Joshua", "Michelle", "Kenneth", "Carol", "Kevin",
    "Amanda", "Brian", "Melissa", "George", "Deborah", "Timothy", "Stephanie", "Ronald", "Rebecca", "Edward",
    "Laura", "Jason", "Helen", "Jeffrey", "Sharon", "Ryan", "Cynthia", "Jacob", "Kathleen", "Gary", "Amy",
    "Nicholas", "Anna", "Eric", "Angela", "Jonathan", "Ruth", "Stephen", "Brenda", "Larry", "Pamela", "Justin",
    "Nicole", "Scott", "Katherine", "Brandon", "Samantha", "Benjamin", "Christine", "Samuel", "Catherine",
    "Gregory", "Virginia", "Alexander", "Rachel", "Patrick", "Olivia", "Frank", "Emma", "Raymond", "Maria", "Jack",
    "Heather", "Dennis", "Diane", "Peter", "Julia", "Henry", "Joyce", "Carl", "Victoria", "Arthur", "Alice",
    "Oscar", "Sophia", "Max", "Sofia", "Luis", "Carmen", "Carlos", "Ana", "Jose", "Lucia", "Juan", "Elena", "Pedro",
    "Isabel", "Miguel", "Marta", "Hans", "Claudia", "Klaus", "Ursula", "Jens", "Petra", "Stefan", "Sabine", "Lukas",
    "Hanna", "Felix", "Lena", "Pierre", "Camille", "Jean", "Claire", "Louis", "Chloe", "Antoine", "Manon", "Marco",
    "Giulia", "Luca", "Chiara", "Giovanni", "Francesca", "Andrea", "Ivan", "Olga", "Dmitri", "Natasha", "Sergei",
    "Irina", "Piotr", "Agnieszka", "Jan", "Katarzyna", "Ahmed", "Fatima", "Mohammed", "Aisha", "Omar", "Layla",
    "Ali", "Zainab", "Wei", "Mei", "Hiroshi", "Yuki", "Kenji", "Sakura", "Raj", "Priya", "Arjun", "Ananya",
    "Sanjay", "Deepa", "Bjorn", "Astrid", "Lars", "Ingrid", "Erik", "Freja", "Johan", "Karin", "Adam", "Eva",
    "Noah", "Mia", "Liam", "Ella", "Leo", "Grace", "Oliver", "Lily", "Lucas", "Zoe", "Ethan", "Nora", "Aaron",
    "Naomi", "Simon", "Judith", "Martin", "Ellen", "Fred", "Bob", "Tom", "Jim", "Kate", "Joe", "Dan", "Ben", "Sam",
    "Tim", "Mike", "Steve", "Bill", "Sue", "Ann", "Jane", "Rose", "Harry", "Charlotte", "Amelia",
)
LAST = (
    "Smith", "Johnson", "Williams", "Brown", "Jones", "Garcia", "Miller", "Davis", "Rodriguez", "Martinez",
    "Hernandez", "Lopez", "Gonzalez", "Wilson", "Anderson", "Thomas", "Taylor", "Moore", "Jackson", "Martin", "Lee",
    "Perez", "Thompson", "White", "Harris", "Sanchez", "Clark", "Ramirez", "Lewis", "Robinson", "Walker", "Young",
    "Allen", "King", "Wright", "Scott", "Torres", "Nguyen", "Hill", "Flores", "Green", "Adams", "Nelson", "Baker",
    "Hall", "Rivera", "Campbell", "Mitchell", "Carter", "Roberts", "Gomez", "Phillips", "Evans", "Turner", "Diaz",
    "Parker", "Cruz", "Edwards", "Collins", "Reyes", "Stewart", "Morris", "Morales", "Murphy", "Cook", "Rogers",
    "Gutierrez", "Ortiz", "Morgan", "Cooper", "Peterson", "Bailey", "Reed", "Kelly", "Howard", "Ramos", "Kim",
    "Cox", "Ward", "Richardson", "Watson", "Brooks", "Chavez", "Wood", "Bennett", "Gray", "Mendoza", "Ruiz",
    "Hughes", "Price", "Alvarez", "Castillo", "Sanders", "Patel", "Myers", "Long", "Ross", "Foster", "Mueller",
    "Schmidt", "Schneider", "Fischer", "Weber", "Meyer", "Wagner", "Becker", "Schulz", "Hoffmann", "Koch",
    "Richter", "Klein", "Wolf", "Dubois", "Bernard", "Durand", "Moreau", "Laurent", "Rossi", "Russo", "Ferrari",
    "Bianchi", "Romano", "Silva", "Santos", "Ferreira", "Pereira", "Oliveira", "Costa", "Ivanov", "Petrov",
    "Kowalski", "Nowak", "Hansen", "Johansen", "Olsen", "Larsen", "Andersen", "Nilsson", "Eriksson", "Karlsson",
    "Chen", "Wang", "Li", "Zhang", "Liu", "Yang", "Tanaka", "Suzuki", "Sato", "Singh", "Kumar", "Sharma", "Khan",
    "Hassan", "Ahmed", "Cohen", "Levi", "OBrien", "Murray", "Graham", "Shaw", "Bell", "Barnes", "Fisher",
    "Marshall", "Grant", "Hunt", "Fox", "Stone", "West", "Ford",
)
STREETS = (
    "Alder", "Aspen", "Beech", "Birch", "Cedar", "Chestnut", "Church", "Clover", "Elm", "Fern", "Forest", "Garden",
    "Hawthorn", "Hazel", "Heather", "Hill", "Holly", "Juniper", "Lake", "Laurel", "Linden", "Maple", "Meadow",
    "Mill", "Oak", "Orchard", "Park", "Pine", "Poplar", "River", "School", "Spring", "Station", "Sycamore",
    "Valley", "Walnut", "Willow", "Yew", "Mulberry", "Rowan", "Magnolia", "Quarry", "Bridge", "Castle", "Chapel",
    "Market", "Abbey", "Priory", "Windmill", "Heron",
)
ENDINGS = (
    "Street", "Road", "Avenue", "Lane", "Drive", "Way", "Close", "Court", "Place", "Terrace",
)
SYLLABLES = (
    "ba", "be", "bo", "da", "de", "do", "fa", "fe", "ga", "go", "ha", "he", "ka", "ke", "ko", "la", "le", "lo",
    "ma", "me", "mo", "na", "ne", "no", "pa", "pe", "ra", "re", "ro", "sa", "se", "so", "ta", "te", "to", "va", "ve",
)
TAILS = (
    "n", "r", "l", "s", "rin", "ler", "mann", "sen", "ton", "well", "dak", "nov", "ski", "ford", "by", "low",
)
PLACEHOLDERS = frozenset({
    "-", "--", ".", "..", "?", "anon", "anonymous", "empty", "guest", "missing", "n/a", "na", "nan", "nil", "none",
    "null", "other", "private", "redacted", "test", "undisclosed", "unknown", "withheld",
})
# fmt: on
