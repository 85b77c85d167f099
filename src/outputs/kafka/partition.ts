const seed = 0x9747b28c;
const m = 0x5bd1e995;
const shift = 24;

/** MurmurHash2 as Kafka's Java client has it (org.apache.kafka.common.utils.Utils.murmur2). */
function murmur2(bytes: Buffer): number {
  const { length } = bytes;
  const whole = length & ~3;
  let hash = seed ^ length;
  for (let at = 0; at < whole; at += 4) {
    let k = Math.imul(bytes.readInt32LE(at), m);
    k ^= k >>> shift;
    hash = Math.imul(hash, m) ^ Math.imul(k, m);
  }
  if (whole < length) {
    hash = Math.imul(hash ^ bytes.readUIntLE(whole, length - whole), m);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, m);
  return hash ^ (hash >>> 15);
}

/** Where Kafka's own clients put a message of that key, so that producers of different kinds agree. */
export function partitionOf(key: Buffer, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}
