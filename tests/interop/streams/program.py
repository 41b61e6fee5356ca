"""Speaks typed bytes and raw bytes: `map` makes words of texts, `reduce` sums up, `raw` exchanges keys and values."""
import struct, sys
read, write = sys.stdin.buffer.read, sys.stdout.buffer.write
def value():
    code = read(1)
    if not code:
        return None
    if code[0] == 7:
        return read(struct.unpack(">i", read(4))[0]).decode()
    if code[0] == 3:
        return struct.unpack(">i", read(4))[0]
    if code[0] == 4:
        return struct.unpack(">q", read(8))[0]
    raise ValueError(code)
def text(word):
    raw = word.encode()
    write(b"\x07" + struct.pack(">i", len(raw)) + raw)
def number(count):
    write(b"\x03" + struct.pack(">i", count))
def raw():
    head = read(4)
    return read(struct.unpack(">i", head)[0]) if len(head) == 4 else None
def put(blob):
    write(struct.pack(">i", len(blob)) + blob)
what = sys.argv[1]
if what == "map":
    while True:
        key = value()
        if key is None:
            break
        for word in str(value()).split():
            text(word)
            number(len(word))
elif what == "reduce":
    last, total = None, 0
    while True:
        key = value()
        if key != last:
            if last is not None:
                text(last)
                number(total)
            last, total = key, 0
        if key is None:
            break
        total += value()
elif what == "raw":
    while True:
        key = raw()
        if key is None:
            break
        blob = raw()
        put(blob)
        put(key)
