/* Replies arrive from a host that need not be honest. The first byte says what the rest is read as: a
 * message of that type, or the content of an answer, a question, a fragment or a table record. What
 * decodes must encode to the same bytes again. */
#include "base/alloc.h"
#include "engine/message.h"
#include "engine/scan_question.h"

#include "../tests/tfhe/toy_params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key_id[16] = {7};

static void must(amt_status s)
{
	if (!amt_ok(s))
		__builtin_trap();
}

static void same(struct buf *again, struct span in)
{
	if (!span_equal(buf_span(again), in))
		__builtin_trap();
	buf_free(again);
}

static void read_message(uint8_t type, struct span in)
{
	struct message m;
	struct buf again = {0};
	amt_status s = message_get(&m, type, in);
	if (amt_ok(s)) {
		must(message_put(&again, &m));
		if (again.size != in.size + 5 || memcmp(again.data + 5, in.data, in.size) != 0)
			__builtin_trap();
	}
	amt_status_clear(&s);
	buf_free(&again);
}

static void read_record(struct span in)
{
	struct relation t;
	struct buf again = {0};
	amt_status s = relation_get(&t, in);
	if (amt_ok(s)) {
		must(relation_put(&t, &again));
		same(&again, in);
		struct family families[RELATION_MAX_FAMILIES];
		(void)relation_families(&t, tfhe_params_find(TOY_PARAMS), families);
		relation_free(&t);
	}
	amt_status_clear(&s);
}

static void read_answer(const struct tfhe_params *p, struct span wire)
{
	struct answer a;
	uint32_t *glwe;
	unsigned count;
	amt_status s = answer_get(&a, p, key_id, wire);
	must(mem_alloc_aligned(&glwe, tfhe_glwe_words(p) * sizeof(*glwe)));
	struct reader r = reader_of(a.values, "values");
	while (amt_ok(s) && reader_left(&r) > 0)
		s = answer_pack_get(&r, p, glwe, &count);
	mem_free_aligned(glwe, tfhe_glwe_words(p) * sizeof(*glwe));
	amt_status_clear(&s);
}

static void read_question(const struct tfhe_params *p, struct span wire)
{
	struct question q;
	amt_status s = question_get(&q, p, key_id, wire);
	if (amt_ok(s)) {
		struct buf again = {0};
		must(question_put(&q, p, key_id, &again));
		if (again.size != wire.size)
			__builtin_trap();
		buf_free(&again);
		question_free(&q);
	}
	amt_status_clear(&s);
}

static void read_scan(struct span wire)
{
	struct scan_question q;
	struct scan_reply a;
	struct buf again = {0};
	amt_status s = scan_question_get(&q, key_id, wire);
	if (amt_ok(s)) {
		must(scan_question_put(&q, key_id, &again));
		if (again.size != wire.size)
			__builtin_trap();
	}
	amt_status_clear(&s);
	buf_clear(&again);
	s = scan_reply_get(&a, key_id, wire);
	if (amt_ok(s)) {
		must(scan_reply_put(&a, key_id, &again));
		if (again.size != wire.size)
			__builtin_trap();
	}
	amt_status_clear(&s);
	buf_free(&again);
}

static void read_fragment(const struct tfhe_params *p, struct span wire)
{
	struct fragment f;
	amt_status s = fragment_get(&f, p, key_id, wire);
	if (amt_ok(s) && (f.wire == WIRE_SEEDED_GLWE || f.wire == WIRE_GLWE)) {
		uint32_t *glwe;
		must(mem_alloc_aligned(&glwe, tfhe_glwe_words(p) * sizeof(*glwe)));
		must(fragment_glwe(&f, p, glwe));
		mem_free_aligned(glwe, tfhe_glwe_words(p) * sizeof(*glwe));
	}
	amt_status_clear(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t fragments[] = {WIRE_SEEDED_GLWE, WIRE_GLWE, WIRE_PLAIN, WIRE_PAYLOAD};
	if (size == 0)
		return 0;
	const struct tfhe_params *p = tfhe_params_find(TOY_PARAMS);
	struct span rest = span_of(data + 1, size - 1);
	struct wire_header header = {.params = p->id};
	struct buf wire = {0};
	memcpy(header.key_id, key_id, sizeof(key_id));
	switch (data[0]) {
	case 200:
		read_record(rest);
		break;
	case 201:
		header.type = WIRE_ANSWER;
		must(wire_put(&wire, &header, rest));
		read_answer(p, buf_span(&wire));
		break;
	case 202:
		header.type = WIRE_QUERY;
		must(wire_put(&wire, &header, rest));
		read_question(p, buf_span(&wire));
		break;
	case 203:
	case 204:
	case 205:
	case 206:
		header.type = fragments[data[0] - 203];
		must(wire_put(&wire, &header, rest));
		read_fragment(p, buf_span(&wire));
		break;
	case 207:
	case 208:
		header.type = data[0] == 207 ? WIRE_SCAN_QUESTION : WIRE_SCAN_ANSWER;
		must(wire_put(&wire, &header, rest));
		read_scan(buf_span(&wire));
		break;
	default:
		read_message(data[0], rest);
	}
	buf_free(&wire);
	return 0;
}
