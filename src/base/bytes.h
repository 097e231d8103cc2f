/* Bytes: borrowed spans, growing buffers, and a reader that cannot run past its end.
 * All integers of amaters' formats are little-endian.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed, read-only. */
struct span {
	const uint8_t *data;
	size_t size;
};

static inline struct span span_of(const void *data, size_t size)
{
	return (struct span){data, size};
}
static inline struct span span_str(const char *text)
{
	return (struct span){(const uint8_t *)text, strlen(text)};
}
/* Unsigned lexicographic order: <0, 0, >0. */
int span_compare(struct span a, struct span b);
bool span_equal(struct span a, struct span b);

/* Owned and growing. Zero-initialise; free with buf_free. */
struct buf {
	uint8_t *data;
	size_t size;
	size_t capacity;
};

amt_status buf_reserve(struct buf *b, size_t extra);
amt_status buf_put(struct buf *b, const void *data, size_t size);
amt_status buf_put_u8(struct buf *b, uint8_t v);
amt_status buf_put_u16(struct buf *b, uint16_t v);
amt_status buf_put_u32(struct buf *b, uint32_t v);
amt_status buf_put_u64(struct buf *b, uint64_t v);
amt_status buf_put_varint(struct buf *b, uint64_t v);  /* LEB128, at most 10 bytes */
amt_status buf_put_span(struct buf *b, struct span s); /* u32 length, then the bytes */
amt_status buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Makes room for size bytes at the end and returns where they are. */
amt_status buf_extend(struct buf *b, size_t size, uint8_t **out);
static inline struct span buf_span(const struct buf *b)
{
	return (struct span){b->data, b->size};
}
static inline void buf_clear(struct buf *b)
{
	b->size = 0;
}
void buf_free(struct buf *b);

/* A cursor over untrusted bytes. Each get fails with AMT_TRUNCATED, naming `what`, when too little
 * is left. */
struct reader {
	const uint8_t *at;
	const uint8_t *end;
	const char *what; /* e.g. "manifest record": named in errors */
};

static inline struct reader reader_of(struct span s, const char *what)
{
	return (struct reader){s.data, s.size == 0 ? s.data : s.data + s.size, what};
}
static inline size_t reader_left(const struct reader *r)
{
	return (size_t)(r->end - r->at);
}
amt_status read_u8(struct reader *r, uint8_t *out);
amt_status read_u16(struct reader *r, uint16_t *out);
amt_status read_u32(struct reader *r, uint32_t *out);
amt_status read_u64(struct reader *r, uint64_t *out);
amt_status read_varint(
	struct reader *r, uint64_t *out); /* rejects overlong and overflowing forms */
amt_status read_bytes(
	struct reader *r, size_t size, struct span *out); /* borrowed from the input */
amt_status read_copy(struct reader *r, void *out, size_t size);
amt_status read_span(
	struct reader *r, size_t max, struct span *out); /* u32 length <= max, then bytes */
amt_status read_end(const struct reader *r);		 /* AMT_CORRUPTION if bytes are left */

static inline uint16_t load_u16(const void *p)
{
	uint16_t v;
	memcpy(&v, p, 2);
	return v;
}
static inline uint32_t load_u32(const void *p)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return v;
}
static inline uint64_t load_u64(const void *p)
{
	uint64_t v;
	memcpy(&v, p, 8);
	return v;
}
static inline void store_u16(void *p, uint16_t v)
{
	memcpy(p, &v, 2);
}
static inline void store_u32(void *p, uint32_t v)
{
	memcpy(p, &v, 4);
}
static inline void store_u64(void *p, uint64_t v)
{
	memcpy(p, &v, 8);
}

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "amaters supports little-endian machines only"
#endif

#endif
