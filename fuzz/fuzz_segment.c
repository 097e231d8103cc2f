/* A segment file as it is, or (first byte odd) with a footer and checksums that fit, so that ranges are
 * read behind them. */
#include "store/segment.h"

#include "os/io_memory.h"
#include "store/checksum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static amt_status read_all(struct io *io)
{
	struct segment *s;
	uint8_t bytes[512];
	TRY(segment_open(&s, io, "db", 9));
	amt_status st = STATUS_OK;
	for (uint64_t at = 0; at < segment_length(s) && amt_ok(st); at += sizeof(bytes)) {
		uint64_t left = segment_length(s) - at;
		st = segment_read(
			s, at, bytes, left < sizeof(bytes) ? (size_t)left : sizeof(bytes));
	}
	segment_close(s);
	return st;
}

static amt_status write_whole(struct io *io, struct span bytes)
{
	struct segment_writer *w;
	TRY(segment_writer_new(&w, io, "db", 9));
	amt_status s = segment_append(w, bytes);
	if (amt_ok(s))
		s = segment_finish(w);
	segment_writer_free(w);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct io *io;
	if (size == 0 || size > 1 << 16)
		return 0;
	struct span bytes = span_of(data + 1, size - 1);
	amt_status s = io_memory_new(&io);
	if (amt_ok(s)) {
		s = io_make_folder(io, "db");
		if (amt_ok(s))
			s = data[0] & 1 ? write_whole(io, bytes)
					: io_write_file_atomic(io, "db/000009.segment", bytes, 0);
		if (amt_ok(s))
			s = read_all(io);
		if (!amt_ok(s) && (data[0] & 1))
			__builtin_trap();
		io_free(io);
	}
	amt_status_clear(&s);
	return 0;
}
