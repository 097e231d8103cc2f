/* Replay of a write-ahead log. The first byte chooses: odd, and the bytes are cut into frames whose
 * incarnation and checksums are made right, so that what is behind them is reached; even, they are
 * the file as it is. Whatever is accepted must keep the sequences without a gap. */
#include "store/internal.h"

#include "os/io_memory.h"
#include "store/log_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STORE_ID = 77, NUMBER = 5 };

struct seen {
	uint64_t sequence;
};

static amt_status visit(void *context, struct span payload)
{
	struct seen *seen = context;
	struct memtable_room room = {0};
	TRY(batch_measure(payload, &room));
	if (seen->sequence != 0 && load_u64(payload.data) != seen->sequence)
		__builtin_trap();
	seen->sequence = load_u64(payload.data) + load_u32(payload.data + 8);
	if (room.nodes > (1 << 20) || room.values > (1 << 20))
		return STATUS_OK;
	struct memtable *m;
	TRY(memtable_new(&m, room.nodes));
	amt_status s = memtable_reserve(m, &room);
	if (amt_ok(s))
		batch_apply(payload, m);
	memtable_free(m);
	return s;
}

static void make_frames(struct buf *b)
{
	size_t at = 0;
	while (b->size - at >= FRAME_HEADER) {
		uint8_t *h = b->data + at;
		uint32_t most = (uint32_t)(b->size - at - FRAME_HEADER);
		uint32_t length = load_u32(h + 4) % 512;
		length = length < most ? length : most;
		store_u32(h + 4, length);
		store_u64(h + 8, log_incarnation(STORE_ID, NUMBER));
		store_u32(h + 24, at == 0 ? FRAME_HEADER_TYPE : 2 + h[24] % 2);
		if (at == 0 && length >= 16) {
			store_u64(h + FRAME_HEADER, STORE_ID);
			store_u64(h + FRAME_HEADER + 8, NUMBER);
		}
		store_u32(h, frame_checksum(h, span_of(h + FRAME_HEADER, length)));
		size_t step = FRAME_HEADER + ((size_t)length + 7) / 8 * 8;
		if (step > b->size - at)
			break;
		at += step;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf bytes = {0};
	struct io *io;
	struct log_end end;
	struct log_header header;
	struct seen seen = {0};
	if (size == 0 || size > 1 << 20)
		return 0;
	amt_status s = buf_put(&bytes, data + 1, size - 1);
	if (amt_ok(s) && data[0] & 1)
		make_frames(&bytes);
	if (amt_ok(s))
		s = io_memory_new(&io);
	if (amt_ok(s)) {
		s = io_write_file_atomic(io, "000005.log", buf_span(&bytes), 0);
		if (amt_ok(s))
			s = log_read_header(io, ".", STORE_ID, NUMBER, &header);
		amt_status_clear(&s);
		bool used;
		s = log_has_frames(io, ".", 0, NUMBER, &used);
		amt_status_clear(&s);
		s = log_replay(io, ".", STORE_ID, NUMBER, NULL, visit, &seen, &end);
		io_free(io);
	}
	amt_status_clear(&s);
	buf_free(&bytes);
	return 0;
}
