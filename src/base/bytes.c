#include "base/bytes.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>

int span_compare(struct span a, struct span b)
{
	size_t common = a.size < b.size ? a.size : b.size;
	int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

bool span_equal(struct span a, struct span b)
{
	return a.size == b.size && span_compare(a, b) == 0;
}

amt_status buf_reserve(struct buf *b, size_t extra)
{
	if (b->capacity - b->size >= extra)
		return STATUS_OK;
	size_t needed;
	ENSURE(!__builtin_add_overflow(b->size, extra, &needed), AMT_OUT_OF_MEMORY,
		"a buffer of %zu bytes", b->size);
	size_t capacity = b->capacity + b->capacity / 2;
	if (capacity < needed)
		capacity = needed < 64 ? 64 : needed;
	TRY(mem_grow(&b->data, capacity));
	b->capacity = capacity;
	return STATUS_OK;
}

amt_status buf_extend(struct buf *b, size_t size, uint8_t **out)
{
	TRY(buf_reserve(b, size));
	*out = b->size == 0 ? b->data : b->data + b->size; /* no arithmetic on NULL */
	b->size += size;
	return STATUS_OK;
}

amt_status buf_put(struct buf *b, const void *data, size_t size)
{
	uint8_t *at;
	TRY(buf_extend(b, size, &at));
	if (size > 0)
		memcpy(at, data, size);
	return STATUS_OK;
}

amt_status buf_put_u8(struct buf *b, uint8_t v)
{
	return buf_put(b, &v, sizeof(v));
}

amt_status buf_put_u16(struct buf *b, uint16_t v)
{
	return buf_put(b, &v, sizeof(v));
}

amt_status buf_put_u32(struct buf *b, uint32_t v)
{
	return buf_put(b, &v, sizeof(v));
}

amt_status buf_put_u64(struct buf *b, uint64_t v)
{
	return buf_put(b, &v, sizeof(v));
}

amt_status buf_put_varint(struct buf *b, uint64_t v)
{
	uint8_t bytes[10];
	size_t n = 0;
	for (; v >= 0x80; v >>= 7)
		bytes[n++] = (uint8_t)(v | 0x80);
	bytes[n++] = (uint8_t)v;
	return buf_put(b, bytes, n);
}

amt_status buf_put_span(struct buf *b, struct span s)
{
	ENSURE(s.size <= UINT32_MAX, AMT_LIMIT, "a field of %zu bytes", s.size);
	TRY(buf_put_u32(b, (uint32_t)s.size));
	return buf_put(b, s.data, s.size);
}

amt_status buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	ENSURE(length >= 0, AMT_INTERNAL, "bad format %s", format);
	TRY(buf_reserve(b, (size_t)length + 1));
	va_start(args, format);
	(void)vsnprintf((char *)b->data + b->size, (size_t)length + 1, format, args);
	va_end(args);
	b->size += (size_t)length;
	return STATUS_OK;
}

void buf_free(struct buf *b)
{
	mem_free(b->data);
	*b = (struct buf){0};
}

amt_status read_bytes(struct reader *r, size_t size, struct span *out)
{
	ENSURE(reader_left(r) >= size, AMT_TRUNCATED, "%s: %zu bytes needed, %zu left", r->what,
		size, reader_left(r));
	*out = span_of(r->at, size);
	r->at += size;
	return STATUS_OK;
}

amt_status read_copy(struct reader *r, void *out, size_t size)
{
	struct span s;
	TRY(read_bytes(r, size, &s));
	if (size > 0)
		memcpy(out, s.data, size);
	return STATUS_OK;
}

amt_status read_u8(struct reader *r, uint8_t *out)
{
	return read_copy(r, out, sizeof(*out));
}

amt_status read_u16(struct reader *r, uint16_t *out)
{
	return read_copy(r, out, sizeof(*out));
}

amt_status read_u32(struct reader *r, uint32_t *out)
{
	return read_copy(r, out, sizeof(*out));
}

amt_status read_u64(struct reader *r, uint64_t *out)
{
	return read_copy(r, out, sizeof(*out));
}

amt_status read_varint(struct reader *r, uint64_t *out)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t byte;
		TRY(read_u8(r, &byte));
		ENSURE(shift < 63 || byte <= 1, AMT_CORRUPTION, "%s: a varint beyond 64 bits",
			r->what);
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			ENSURE(byte != 0 || shift == 0, AMT_CORRUPTION, "%s: an overlong varint",
				r->what);
			*out = v;
			return STATUS_OK;
		}
	}
	FAIL(AMT_CORRUPTION, "%s: a varint beyond 64 bits", r->what);
}

amt_status read_span(struct reader *r, size_t max, struct span *out)
{
	uint32_t size;
	TRY(read_u32(r, &size));
	ENSURE(size <= max, AMT_CORRUPTION, "%s: a field of %u bytes, at most %zu allowed", r->what,
		size, max);
	return read_bytes(r, size, out);
}

amt_status read_end(const struct reader *r)
{
	ENSURE(r->at == r->end, AMT_CORRUPTION, "%s: %zu bytes left over", r->what, reader_left(r));
	return STATUS_OK;
}
