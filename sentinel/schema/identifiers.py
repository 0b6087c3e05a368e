"""Direct identifiers: known by their names, and by the look of their values.

Names, phones, document numbers, exact addresses, positions, and the names of boats and
employers never enter an analysis table. What is found is named by its column; its
values are never repeated in a message, because messages end up in logs and e-mails.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from sentinel.schema.variables import Variable

__all__ = [
    "identifier_in_label",
    "identifier_in_name",
    "identifier_in_values",
    "identifier_in_variable",
    "looks_identifying",
    "shown_value",
]

# Words of a column's name, lower case, without accents; English, Spanish, French,
# Portuguese and romanised Vietnamese. A phrase is written with "_".
_WORDS: dict[str, str] = {
    "a person's name": (
        "name names fullname firstname lastname surname forename nickname alias "
        "givenname familyname nombre nombres apellido apellidos apodo prenom sobrenome "
        "sobrenombre ho_ten ho_va_ten"
    ),
    "a telephone number or an account": (
        "phone telephone telefono telefone celular cellphone mobile tel whatsapp "
        "viber wechat facebook instagram line_id telegram msisdn imei "
        "so_dien_thoai dien_thoai phonenumber"
    ),
    "an e-mail address": "email mail correo e_mail",
    "an exact position": (
        "gps latitude longitude latitud longitud lat lon lng geopoint geotrace "
        "geoshape geolocation coordinates coordenadas altitude"
    ),
    "a document number": (
        "passport_no passport_number passport_num passportno pasaporte passport_id "
        "id_number id_no id_card idcard national_id nid dni curp nss ssn cedula "
        "document_no document_number doc_no doc_number documento_numero cmnd cccd "
        "ho_chieu so_ho_chieu visa_no visa_number alien_number case_number"
    ),
    "an exact address": (
        "address direccion domicilio adresse endereco street_address street_name calle "
        "house_no house_number postcode zipcode dia_chi"
    ),
    "the name of a boat or an employer": (
        "boat_name vessel_name vessel boat_no boat_number boatname employer_name "
        "company_name factory_name owner_name captain_name broker_name"
    ),
    "a date of birth": "dob birthdate date_of_birth birth_date fecha_nacimiento",
    "a picture, a voice or a finger": (
        "photo photograph foto picture signature firma fingerprint huella "
        "voice_recording audio video selfie"
    ),
}
_NAMED = {word: what for what, words in _WORDS.items() for word in words.split()}
# Scripts that do not put spaces between words: searched as a part of the name.
_PARTS: dict[str, str] = {
    "ឈ្មោះ": "a person's name", "ទូរស័ព្ទ": "a telephone number or an account",
    "អាសយដ្ឋាន": "an exact address", "លិខិតឆ្លងដែន": "a document number",
    "ຊື່": "a person's name", "ເບີໂທ": "a telephone number or an account",
    "ທີ່ຢູ່": "an exact address",
    "အမည်": "a person's name", "ဖုန်း": "a telephone number or an account",
    "လိပ်စာ": "an exact address",
    "ชื่อ": "a person's name", "นามสกุล": "a person's name",
    "โทรศัพท์": "a telephone number or an account", "ที่อยู่": "an exact address",
    "姓名": "a person's name", "电话": "a telephone number or an account",
    "地址": "an exact address", "身份证": "a document number",
    "护照": "a document number",
}  # fmt: skip
_LABEL = re.compile(
    r"\b(?:(?:full|first|last|family|given|your|respondent'?s?|boat|vessel|employer'?s?)"
    r" name|surname|(?:tele)?phone number|mobile number|e-?mail|passport number|"
    r"(?:id|identity) (?:card )?number|street address|home address|exact address|"
    r"latitude|longitude|gps|nombre completo|apellidos?|numero de telefono|direccion|"
    r"ho va ten|so dien thoai|dia chi)\b"
)
_VALUES: dict[str, re.Pattern[str]] = {
    "e-mail addresses": re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}"),
    "telephone numbers": re.compile(r"(?:\+|00|\(?0\d)[\d() -]{7,16}\d"),
    "positions on the earth": re.compile(
        r"[-+]?\d{1,3}\.\d{3,}\s*[°NS]?\s*[ ,;/]\s*[-+]?\d{1,3}\.\d{3,}.*"
    ),
    "document numbers": re.compile(r"[A-Z]{1,2}\d{6,9}|\d{13}|\d-\d{4}-\d{5}-\d\d-\d"),
}
_DIGITS = "0123456789"
_FEWEST_TELEPHONE_DIGITS = 9
_SHARE_THAT_TELLS = 0.05
_WORDS_OF_FREE_TEXT = 6
_LENGTH_OF_FREE_TEXT = 60
_LONGEST_SHOWN = 40
_SHORTEST_IDENTIFIER = 6


def _plain(text: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text.rsplit("/", 1)[-1])
    decomposed = unicodedata.normalize(
        "NFKD", spaced.replace("đ", "d").replace("Đ", "D")
    )
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return bare.casefold()


def identifier_in_name(column: str) -> str:
    """Say which direct identifier a column's name announces; empty if none.

    Examples
    --------
    >>> identifier_in_name("Número de teléfono"), identifier_in_name("_gps_latitude")
    ('a telephone number or an account', 'an exact position')
    >>> identifier_in_name("docs_held")
    ''
    """
    composed = unicodedata.normalize("NFC", column)
    for part, what in _PARTS.items():
        if part in composed:
            return what
    words = [word for word in re.split(r"[^a-z0-9]+", _plain(column)) if word]
    for size in (4, 3, 2, 1):
        for start in range(len(words) - size + 1):
            found = _NAMED.get("_".join(words[start : start + size]))
            if found:
                return found
    return ""


def identifier_in_label(label: str) -> str:
    """Say which direct identifier a question asks for; empty if none."""
    match = _LABEL.search(_plain(label))
    return f"a question for “{match.group()}”" if match else ""


def identifier_in_variable(variable: Variable) -> str:
    """Say which direct identifier a codebook's variable would hold; empty if none.

    A variable with closed codes or a range cannot hold one, whatever it is called.
    """
    if variable.is_closed or variable.kind not in {"id", "string", "category", "multi"}:
        return ""
    named = identifier_in_name(variable.name)
    return named or (
        "" if variable.kind == "id" else identifier_in_label(variable.label)
    )


def looks_identifying(value: str) -> str:
    """Say what one value looks like; empty if it looks like no direct identifier."""
    text = value.strip()
    for what, pattern in _VALUES.items():
        if pattern.fullmatch(text) and (
            what != "telephone numbers"
            or sum(char in _DIGITS for char in text) >= _FEWEST_TELEPHONE_DIGITS
        ):
            return what
    return ""


def identifier_in_values(values: Iterable[str], *, free_text: bool = True) -> str:
    """Say what the values of a column look like; empty if they look harmless.

    A column is suspected when at least one in twenty of its distinct values looks like
    an identifier, so that one odd code does not condemn it. With `free_text`, sentences
    are suspected too: they hold names sooner or later.
    """
    distinct = [text for text in pd.unique(pd.Series(values)) if isinstance(text, str)]
    least = max(1, round(_SHARE_THAT_TELLS * len(distinct)))
    found: Counter[str] = Counter()
    for text in distinct:
        # Nearly all survey answers are short codes: no identifier is that short.
        if len(text) < _SHORTEST_IDENTIFIER:
            continue
        what = looks_identifying(text)
        if not what and free_text and _is_free_text(text):
            what = "free text"
        found[what] += 1
    found.pop("", None)
    # Kinds are judged one by one, in a fixed order: messages must not wobble.
    order = (*_VALUES, "free text")
    return next((what for what in order if found[what] >= least), "")


def _is_free_text(text: str) -> bool:
    # Khmer, Lao, Burmese and Thai sentences have no spaces: length tells.
    words = sum(any(char.isalpha() for char in word) for word in text.split())
    return words >= _WORDS_OF_FREE_TEXT or len(text) >= _LENGTH_OF_FREE_TEXT


def shown_value(value: object) -> str:
    """Return a value as a message may show it: short, and never an identifier.

    Examples
    --------
    >>> shown_value("300"), shown_value("+855 12 345 678")
    ('300', '(hidden: looks like telephone numbers)')
    """
    text = " ".join(str(value).split())
    found = looks_identifying(text)
    if found:
        return f"(hidden: looks like {found})"
    if _is_free_text(text):
        return "(hidden: free text)"
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
