// Reads one stored prediction without any package: the packed form of docs/use/wire.md.

function unpacked(bytes) {
  let at = 1; // behind the version
  const uint = (size) => { let n = 0; while (size-- > 0) n = n * 256 + bytes[at++]; return n; }; // exact up to 2^53
  const int = (size) => { const n = uint(size), most = 2 ** (8 * size); return n < most / 2 ? n : n - most; };
  const bin = (size) => bytes.subarray(at, (at += size));
  const text = (size) => bin(size).toString();
  const array = (size) => Array.from({ length: size }, next);
  function next() {
    const type = bytes[at++];
    if (type < 0x80) return type;
    if (type >= 0xe0) return type - 0x100;
    if (type >= 0xa0 && type < 0xc0) return text(type & 31);
    if (type >= 0x90 && type < 0xa0) return array(type & 15);
    if (type >= 0xc4 && type < 0xc7) return bin(uint(1 << (type - 0xc4)));
    if (type >= 0xcc && type < 0xd0) return uint(1 << (type - 0xcc));
    if (type >= 0xd0 && type < 0xd4) return int(1 << (type - 0xd0));
    if (type >= 0xd9 && type < 0xdc) return text(uint(1 << (type - 0xd9)));
    if (type === 0xdc) return array(uint(2));
    if (type === 0xc0) return null;
    throw new Error(`expected msgpack of a prediction, got ${type}`);
  }
  return next();
}

function read(value) { // a Buffer whose first byte is 1
  const [numbers, jobId, group, model, , , , , answeredUs] = unpacked(value);
  const [label, , image, audio, fused, flags] = [...numbers.toString("hex", 0, 3)].map((digit) => parseInt(digit, 16));
  const n = 11 + (flags >> 1) + [image, audio, fused].filter((head) => head < 14).length;
  let rest = 10 + 2 * n;
  const found = Array.from({ length: n }, (_, i) => {
    const [first, second] = [numbers[10 + i], numbers[10 + n + i]];
    const last = (first & 0x7f) >= 0x3a ? [numbers[rest++], numbers[rest++]] : [0x80, 0];
    const q = Buffer.from([first, second, ...last]).readFloatBE();
    return q < 0 ? 1 + q : q > 1e-40 ? q : 0;
  });
  const createdMs = numbers.readUIntBE(3, 1) * 2 ** 48 / 1000 + numbers.readUIntBE(4, 6) / 1000;
  return {
    job_id: Buffer.isBuffer(jobId) ? jobId.toString("hex") : jobId,
    group,
    label,
    confidence: flags & 2 ? found[11] : found[label],
    probabilities: found.slice(0, 10),
    novelty: found[10],
    decision: flags & 1 ? "review" : "accept",
    model_version: model.replace("\u0001", "mmdigit"),
    created_at: new Date(createdMs).toISOString(),
    predicted_at: new Date(createdMs + answeredUs / 1000).toISOString(),
  };
}
