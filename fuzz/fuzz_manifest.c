/* A manifest and CURRENT. The first byte chooses: 0 mod 3, the bytes are CURRENT; 1, they are the
 * manifest; 2, they are cut into records (a length byte each) with right checksums. An accepted
 * state is ordered (M1) and comes back the same after it is written again. */
#include "store/manifest.h"

#include "base/alloc.h"
#include "os/io_memory.h"
#include "store/checksum.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static amt_status put_record(struct buf *out, struct span payload)
{
	uint8_t number[8] = {1};
	size_t at = out->size;
	TRY(buf_put_u32(out, 0));
	TRY(buf_put_span(out, payload));
	uint32_t crc = crc32c(crc32c(0, number, 8), out->data + at + 4, payload.size + 4);
	store_u32(out->data + at, crc);
	return STATUS_OK;
}

static amt_status make_records(struct buf *out, struct span bytes)
{
	static const uint8_t head[] = {1, 1, 2, 9, 9, 9, 9, 9, 9, 9, 9}; /* version, store id */
	uint8_t snapshot[sizeof(head) + 255];
	for (bool first = true; bytes.size > 0; first = false) {
		size_t n = bytes.data[0];
		bytes = span_of(bytes.data + 1, bytes.size - 1);
		n = n < bytes.size ? n : bytes.size;
		memcpy(snapshot, head, sizeof(head));
		memcpy(snapshot + sizeof(head), bytes.data, n);
		TRY(put_record(
			out, first ? span_of(snapshot, sizeof(head) + n) : span_of(bytes.data, n)));
		bytes = span_of(bytes.data + n, bytes.size - n);
	}
	return STATUS_OK;
}

static amt_status check(struct io *io)
{
	struct manifest_state state, again;
	struct manifest *m;
	uint64_t number;
	bool exists;
	TRY(manifest_load(io, ".", &state, &number, &exists));
	if (!exists)
		return STATUS_OK;
	for (size_t i = 1; i < state.count; i++)
		if (state.tables[i - 1].max_sequence < state.tables[i].max_sequence)
			__builtin_trap();
	amt_status s = manifest_create(&m, io, ".", 7, &state);
	if (amt_ok(s)) {
		manifest_close(m);
		s = manifest_publish(io, ".", 7);
	}
	if (amt_ok(s)) {
		s = manifest_load(io, ".", &again, &number, &exists);
		if (!amt_ok(s) || number != 7 || again.count != state.count ||
			again.next_number != state.next_number ||
			again.newest_log != state.newest_log)
			__builtin_trap();
		manifest_state_free(&again);
	}
	manifest_state_free(&state);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf bytes = {0};
	struct io *io;
	if (size == 0 || size > 1 << 14)
		return 0;
	const struct span rest = span_of(data + 1, size - 1);
	amt_status s = data[0] % 3 == 2 ? make_records(&bytes, rest)
					: buf_put(&bytes, rest.data, rest.size);
	if (amt_ok(s))
		s = io_memory_new(&io);
	if (amt_ok(s)) {
		if (data[0] % 3 == 0) {
			s = io_write_file_atomic(io, "CURRENT", buf_span(&bytes), 0);
		} else {
			s = manifest_publish(io, ".", 1);
			if (amt_ok(s))
				s = io_write_file_atomic(
					io, "MANIFEST-000001", buf_span(&bytes), 0);
		}
		if (amt_ok(s))
			s = check(io);
		io_free(io);
	}
	amt_status_clear(&s);
	buf_free(&bytes);
	return 0;
}
