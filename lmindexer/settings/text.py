"""Settings as words on a command line: `write_setting` and `read_setting` undo each other."""


def write_setting(value) -> str:
    """A setting's value as one word.

    >>> write_setting([32, 64]), write_setting(True), write_setting(None)
    ('32,64', 'true', 'None')
    """
    if isinstance(value, list | tuple):
        return ",".join(map(write_setting, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_setting(text: str):
    """The value that a word stands for; whether a setting may have it is for `make_settings` to say.

    "none" in small letters is a word (a choice of some settings); "None" is no value.

    >>> read_setting("32,64"), read_setting("true"), read_setting("1e-3"), read_setting("t5-base")
    ([32, 64], True, 0.001, 't5-base')
    """
    if "," in text:
        return [read_setting(part) for part in text.split(",")]
    text = text.strip()
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text == "None":
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
