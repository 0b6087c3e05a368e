"""Names of migrants, written by ear in many ways, brought to comparable forms.

Khmer, Lao, Burmese, Thai and Vietnamese names reach a list in whatever romanisation the
clerk used: tones and aspiration come and go, r and l, b and p, v and w change places,
and who is named first depends on the country. What is compared is the plain spelling
with its words in alphabetical order, and a key of how the name sounds.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["name_script", "plain_name", "sound_key"]

# What a title adds differs by clerk. Words that are parts of names in one of the
# languages (Nang, Sai, Ma, Ko) stay.
_TITLES = frozenset(
    ["mr", "mrs", "ms", "miss", "mister", "madam", "nai", "nangsao", "daw", "u", "lok"]
)
# Letters that do not decompose.
_LETTERS = str.maketrans({"đ": "d", "ð": "d", "ø": "o", "ł": "l", "æ": "ae"})
# Tone marks of Thai, Lao and Burmese; vowel signs are part of the spelling and stay.
_TONES = frozenset("\u0e48\u0e49\u0e4a\u0e4b\u0ec8\u0ec9\u0eca\u0ecb\u1037\u1038")
_LAST_LATIN = "\u024f"

# Read from left to right, longest first. Upper case is a sound of the key.
_SPELLINGS: tuple[tuple[str, str], ...] = (
    ("ngh", "G"), ("ng", "G"), ("hny", "N"), ("nh", "N"), ("ny", "N"),
    ("chh", "C"), ("ch", "C"), ("ky", "C"), ("gy", "C"), ("tr", "C"), ("dj", "C"),
    ("tj", "C"), ("j", "C"), ("kh", "K"), ("hk", "K"), ("gh", "K"), ("ck", "K"),
    ("qu", "KW"), ("q", "K"), ("g", "K"), ("c", "K"), ("k", "K"), ("th", "T"),
    ("ht", "T"), ("dh", "T"), ("d", "T"), ("t", "T"), ("ph", "P"), ("hp", "P"),
    ("bh", "P"), ("b", "P"), ("f", "P"), ("p", "P"), ("sh", "S"), ("hs", "S"),
    ("x", "S"), ("z", "S"), ("s", "S"), ("hl", "L"), ("r", "L"), ("l", "L"),
    ("hm", "M"), ("m", "M"), ("hn", "N"), ("n", "N"), ("hw", "W"), ("v", "W"),
    ("w", "W"), ("y", "Y"), ("h", "H"),
)  # fmt: skip
_SOUNDS = dict(_SPELLINGS)
_READ = re.compile("|".join(spelling for spelling, _ in _SPELLINGS) + "|[aeiou]+|.")
_VOWELS = frozenset("aeiou")
_VOWELS_AND_Y = tuple("aeiouy")
_GLIDES = frozenset("HWY")
_VOWEL_CLASS = {"a": "A", "e": "E", "i": "E", "o": "O", "u": "O"}


def plain_name(text: str, *, in_order: bool = False) -> str:
    """Return a name's spelling without what clerks add or leave out.

    Compatibility decomposition, tone marks and accents of Latin letters removed, lower
    case, titles dropped, words in alphabetical order (so that family and given names
    may change places).

    Parameters
    ----------
    text : str
    in_order : bool
        Keep the words' order and write them without spaces: where a word ends differs
        by clerk too.

    Examples
    --------
    >>> plain_name("Mr. NGUYỄN Văn Đức"), plain_name("sok  Chan-thy", in_order=True)
    ('duc nguyen van', 'sokchanthy')
    """
    words = _words(text)
    return "".join(words) if in_order else " ".join(sorted(words))


def sound_key(text: str) -> str:
    """Return how a romanised name sounds: one key per word, in alphabetical order.

    Aspirated, voiced and plain consonants are one sound, and so are r and l, v and w, f
    and p, ch and j and Burmese ky. Vowels are left out, but for words of one consonant,
    where the first vowel is kept as open, front or back. Words of other scripts are
    their own key.

    Examples
    --------
    >>> sound_key("Chea Vannak"), sound_key("WANNAKH Chia")
    ('CE WNK', 'CE WNK')
    >>> sound_key("Somchai Phonphan"), sound_key("Somjay Pornpan")
    ('PNPN SMC', 'PNPN SMC')
    >>> sound_key("Kyaw Htun"), sound_key("Chaw Tun")
    ('CA TN', 'CA TN')
    """
    return " ".join(sorted(map(_word_sound, _words(text))))


def name_script(text: str) -> str:
    """Return the script of a name's first letter: ``latin``, ``khmer``, ``thai``, ...

    Names of two scripts cannot be compared and are taken for unknown to each other.

    Examples
    --------
    >>> name_script("Sok Chan"), name_script("សុខ")
    ('latin', 'khmer')
    """
    first = next((char for char in text if char.isalpha()), "")
    return unicodedata.name(first, "unknown").split()[0].lower() if first else ""


def _words(text: str) -> list[str]:
    lower = unicodedata.normalize("NFKD", text).casefold().translate(_LETTERS)
    kept: list[str] = []
    latin = True
    for char in lower:
        category = unicodedata.category(char)
        if category[0] == "L":
            latin = char <= _LAST_LATIN
            kept.append(char)
        elif category[0] == "M":
            # Accents go; the vowel signs of other scripts are letters to their readers.
            if not latin and char not in _TONES:
                kept.append(char)
        elif category != "Cf" and char not in "'\u2019\u02bc":
            kept.append(" ")
            latin = True
    words = "".join(kept).split()
    bare = [word for word in words if word not in _TITLES]
    return bare or words


def _word_sound(word: str) -> str:
    if not all("a" <= char <= "z" for char in word):
        return word
    sounds: list[str] = []
    vowel = ""
    after_vowel = False
    parts = _READ.findall(word)
    for part, following in zip(parts, [*parts[1:], ""], strict=True):
        if part[0] in _VOWELS:
            vowel = vowel or _VOWEL_CLASS[part[0]]
            if not sounds:
                sounds.append("A")
            after_vowel = True
            continue
        sound = _SOUNDS[part]
        # "Oh", "Kyaw", "Somchay": after a vowel these only lengthen it; so does the r
        # of "porn". A y between consonants is a vowel.
        if part == "y" and (sounds or not following):
            vowel = vowel or "E"
        long_vowel = part == "r" and after_vowel and following[:1] not in _VOWELS_AND_Y
        if (sound in _GLIDES and sounds) or long_vowel:
            after_vowel = True
            continue
        if not sounds or sounds[-1] != sound:
            sounds.append(sound)
        after_vowel = False
    if len(sounds) > 1 and sounds[-1] == "L" and not after_vowel:
        sounds[-1] = "N"  # a final l is spoken n: Phol, Phon
    key = "".join(sounds)
    return key + vowel if len(key) == 1 and key != "A" else key
