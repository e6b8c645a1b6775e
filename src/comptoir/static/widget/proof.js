// Finds the number that core/proof.py asks for: sha256(token:number) must begin with so many zero bits.
// Written out because crypto.subtle is absent on plain http, and asynchronous per hash, which is ten times slower.

const K = new Uint32Array(64)
const START = new Uint32Array(8)

function root(prime, power) { // the first 32 bits of the fractional part of a root: how FIPS 180-4 defines its constants
  const value = Math.pow(prime, power)
  return (value - Math.floor(value)) * 4294967296
}

for (let n = 2, i = 0; i < 64; n++) {
  let prime = true
  for (let d = 2; d * d <= n; d++) if (n % d === 0) { prime = false; break }
  if (!prime) continue
  if (i < 8) START[i] = root(n, 1 / 2)
  K[i++] = root(n, 1 / 3)
}

const W = new Uint32Array(64)

// The first word of the hash of one ASCII text of at most 55 characters (one block).
function firstWord(text) {
  W.fill(0)
  for (let i = 0; i < text.length; i++) W[i >> 2] |= text.charCodeAt(i) << (24 - 8 * (i & 3))
  W[text.length >> 2] |= 0x80 << (24 - 8 * (text.length & 3))
  W[15] = text.length * 8
  for (let i = 16; i < 64; i++) {
    const x = W[i - 15], y = W[i - 2]
    W[i] = W[i - 16] + W[i - 7]
      + ((x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3)
      + ((y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10)
  }
  let [a, b, c, d, e, f, g, h] = START
  for (let i = 0; i < 64; i++) {
    const t = h + ((e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7)) + (e & f ^ ~e & g) + K[i] + W[i] | 0
    const u = ((a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10)) + (a & b ^ a & c ^ b & c) | 0
    h = g; g = f; f = e; e = d + t | 0
    d = c; c = b; b = a; a = t + u | 0
  }
  return (START[0] + a) >>> 0
}

// Works in slices, so that typing stays smooth; resolves to the number as text.
export function solve(token, bits) {
  const most = 2 ** (32 - bits)
  let number = 0
  return new Promise((done) => {
    const slice = () => {
      for (const end = performance.now() + 12; performance.now() < end;) {
        for (let i = 0; i < 64; i++, number++) if (firstWord(`${token}:${number}`) < most) return done(String(number))
      }
      setTimeout(slice)
    }
    slice()
  })
}
