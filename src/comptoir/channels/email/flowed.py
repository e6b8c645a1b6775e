"""RFC 3676: a text whose lines may be joined again (format=flowed)."""


def unflow(text: str, *, delsp: bool) -> str:
    """Join soft-broken lines of the same quote depth; a signature line stays alone."""
    out: list[str] = []
    flowing_depth = -1
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        if content.startswith(" "):
            content = content[1:]
        is_signature = content == "-- "
        if flowing_depth == depth and not is_signature and out:
            out[-1] += content
        else:
            out.append(">" * depth + (" " if depth and content else "") + content)
        if content.endswith(" ") and not is_signature:
            flowing_depth = depth
            if delsp:
                out[-1] = out[-1][:-1]
        else:
            flowing_depth = -1
    return "\n".join(out)
