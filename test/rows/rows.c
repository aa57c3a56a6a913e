// The rows of the meter's benchmark that are loops, calls and copies and nothing else: one exported function each, of how much
// work to do, that returns a number made of all of it. build.sh says how it is compiled.

#include <stddef.h>
#include <stdint.h>

#define ROW(name) __attribute__((export_name(#name))) int64_t row_##name(int32_t n)
#define NOINLINE __attribute__((noinline))

// How fast a loop runs depends on where in memory its code is, by half at times. So the rows are measured in several places: behind
// PAD stores.
#define STORE ((volatile uint8_t *)copy)[0] = 1
static uint8_t text[8192], copy[8192];
__attribute__((export_name("pad"))) void pad(void) {
#if PAD > 0
  STORE;
#endif
#if PAD > 1
  STORE;
#endif
#if PAD > 2
  STORE;
#endif
}

static uint32_t random_of(uint32_t *seed) { return (*seed = *seed * 1664525u + 1013904223u) >> 8; }

static uint64_t mix(uint64_t h, uint64_t v) { return (h ^ v) * 1099511628211u; }

static void fill_text(void) {
  uint32_t seed = 7;
  for (size_t i = 0; i < sizeof text; i++) text[i] = 32 + random_of(&seed) % 95;
}

ROW(count) {
  volatile int32_t step = 3; // so that the loop is run, and not its sum computed
  int32_t sum = 0, by = step;
  for (int32_t i = 0; i < n; i++) sum = (sum ^ i) + by;
  return sum;
}

ROW(lcg) {
  uint64_t x = 1;
  for (int32_t i = 0; i < n; i++) x = x * 6364136223846793005u + 1442695040888963407u;
  return (int64_t)x;
}

ROW(upper) {
  fill_text();
  uint64_t h = 0;
  for (int32_t turn = 0; turn < n; turn++) {
    for (size_t i = 0; i < sizeof text; i++) {
      uint8_t c = text[i];
      copy[i] = c >= 'a' && c <= 'z' ? c - 32 : c;
    }
    h = mix(h, copy[turn % sizeof copy]);
  }
  return (int64_t)h;
}

ROW(scan) {
  static const char part[] = "{\"id\": \"p-1\", \"tags\": [1, 22, -3.5e7], \"text\": \"a \\\"b\\\" c\", \"more\": {\"x\": true}}, ";
  for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)part[i % (sizeof part - 1)];
  uint32_t depth = 0, strings = 0, numbers = 0, marks = 0, quoted = 0;
  for (int32_t turn = 0; turn < n; turn++) {
    for (size_t i = 0; i < sizeof text; i++) {
      uint8_t c = text[i];
      if (quoted) {
        if (c == '\\') i++;
        else if (c == '"') quoted = 0;
        continue;
      }
      switch (c) {
      case '"': quoted = 1; strings++; break;
      case '{': case '[': depth++; break;
      case '}': case ']': depth--; break;
      case ',': case ':': marks++; break;
      case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9': numbers++; break;
      default: break;
      }
    }
  }
  return (int64_t)mix(mix(mix(mix(0, depth), strings), numbers), marks);
}

ROW(nested) {
  uint32_t x = 1;
  for (int32_t i = 0; i < n; i++) {
    int32_t inner = 3 + (i & 1);
#pragma clang loop unroll(disable)
    for (int32_t j = 0; j < inner; j++) x = (x << 5 | x >> 27) ^ (uint32_t)(i + j);
  }
  return x;
}

static const uint32_t k256[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turned(uint32_t x, int by) { return x >> by | x << (32 - by); }

static void sha256_block(uint32_t *h, const uint8_t *p) {
  uint32_t w[64], v[8];
  for (int i = 0; i < 16; i++) w[i] = (uint32_t)p[4 * i] << 24 | p[4 * i + 1] << 16 | p[4 * i + 2] << 8 | p[4 * i + 3];
  for (int i = 16; i < 64; i++) {
    uint32_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + (turned(a, 7) ^ turned(a, 18) ^ a >> 3) + w[i - 7] + (turned(b, 17) ^ turned(b, 19) ^ b >> 10);
  }
  for (int i = 0; i < 8; i++) v[i] = h[i];
  for (int i = 0; i < 64; i++) {
    uint32_t a = v[0], e = v[4];
    uint32_t t = v[7] + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & v[5]) ^ (~e & v[6])) + k256[i] + w[i];
    uint32_t s = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
    for (int j = 7; j > 0; j--) v[j] = v[j - 1];
    v[4] += t;
    v[0] = t + s;
  }
  for (int i = 0; i < 8; i++) h[i] += v[i];
}

ROW(sha256) {
  fill_text();
  uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (int32_t turn = 0; turn < n; turn++)
    for (size_t i = 0; i < sizeof text; i += 64) sha256_block(h, text + i);
  uint64_t sum = 0;
  for (int i = 0; i < 8; i++) sum = mix(sum, h[i]);
  return (int64_t)sum;
}

static uint32_t numbers[4096];

ROW(sort) {
  static const int32_t gaps[] = {1750, 701, 301, 132, 57, 23, 10, 4, 1};
  const int32_t size = sizeof numbers / sizeof *numbers;
  uint64_t h = 0;
  uint32_t seed = 11;
  for (int32_t turn = 0; turn < n; turn++) {
    for (int32_t i = 0; i < size; i++) numbers[i] = random_of(&seed);
    for (size_t g = 0; g < sizeof gaps / sizeof *gaps; g++) {
      int32_t gap = gaps[g];
      for (int32_t i = gap; i < size; i++) {
        uint32_t x = numbers[i];
        int32_t j = i;
        for (; j >= gap && numbers[j - gap] > x; j -= gap) numbers[j] = numbers[j - gap];
        numbers[j] = x;
      }
    }
    for (int32_t i = 0; i < size; i += 64) h = mix(h, numbers[i]);
  }
  return (int64_t)h;
}

static double left[64][64], right[64][64], product[64][64];

ROW(matmul) {
  for (int i = 0; i < 64; i++)
    for (int j = 0; j < 64; j++) left[i][j] = i * 3 - j, right[i][j] = j * 2 - i;
  double sum = 0;
  for (int32_t turn = 0; turn < n; turn++) {
    left[turn % 64][1] += 1;
    for (int i = 0; i < 64; i++)
      for (int j = 0; j < 64; j++) {
        double x = 0;
        for (int k = 0; k < 64; k++) x += left[i][k] * right[k][j];
        product[i][j] = x;
      }
    sum += product[turn % 64][turn % 61];
  }
  return (int64_t)sum;
}

static NOINLINE int64_t fib(int32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

ROW(fib) { return fib(n); }

static NOINLINE uint32_t add(uint32_t a, uint32_t b) { return a + (b ^ 5); }
static NOINLINE uint32_t sub(uint32_t a, uint32_t b) { return a - (b | 3); }
static NOINLINE uint32_t mul(uint32_t a, uint32_t b) { return a * 31 + b; }
static NOINLINE uint32_t xor(uint32_t a, uint32_t b) { return a ^ b << 1; }

ROW(calls) {
  uint32_t x = 1;
  for (int32_t i = 0; i < n; i++) x = mul(sub(add(x, (uint32_t)i), x), (uint32_t)i);
  return x;
}

ROW(indirect) {
  static uint32_t (*const table[])(uint32_t, uint32_t) = {add, sub, mul, xor};
  uint32_t x = 1;
  for (int32_t i = 0; i < n; i++) x = table[(x >> 3 ^ (uint32_t)i) & 3](x, (uint32_t)i);
  return x;
}

ROW(memcpy) {
  fill_text();
  uint64_t h = 0;
  for (int32_t i = 0; i < n; i++) {
    size_t from = (size_t)(i * 37) % 4096, to = (size_t)(i * 53) % 4096, size = 8 + (size_t)i % 32;
    __builtin_memcpy(copy + to, text + from, size);
    if (i % 4 == 0) // and what a library does where there is no such instruction
      for (size_t j = 0; j < size; j++) ((volatile uint8_t *)copy)[4096 + j] = text[from + j];
    h = mix(h, copy[to + size - 1]);
  }
  return (int64_t)h;
}
