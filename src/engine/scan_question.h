/* A question to be answered by a scan (the content of WIRE_SCAN_QUESTION) and its answer (the content of
 * WIRE_SCAN_ANSWER). The parameter set in their headers is the ring's.
 *
 * Question:
 *	OFFSET SIZE
 *	0      16   question id, random, echoed
 *	16     16   table id
 *	32     8    table epoch, echoed
 *	40     4    schema version
 *	44     8    first row of the sealed rows to send along (the tail), 2^64 - 1: none
 *	52     4+3m length, and m families to send along whole: u16 column, u8 part
 *	...    4+p  length, and the program (scan_program_put)
 *	...    4+s  length, and the scalars (scan_scalars_bytes)
 * The length of each part follows from the program: the same for all constants.
 *
 * Answer:
 *	0      16   question id
 *	16     16   table id
 *	32     8    table epoch
 *	40     8    rows, those of the tail included
 *	48     8    pages gone through
 *	56     8    relinearisations
 *	64     8    bytes of pages read
 *	72     8    nanoseconds of all threads
 *	80     8    nanoseconds that passed, of which
 *	88     8    nanoseconds before the first page: keys and scalars expanded
 *	96     8    the most bytes of memory the host has had
 *	104    ...  answers (scan_run), bgv_answer_bytes each
 */
#ifndef ENGINE_SCAN_QUESTION_H
#define ENGINE_SCAN_QUESTION_H

#include "engine/question.h"

enum { SCAN_ANSWER_HEAD_BYTES = 104, SCAN_ANSWER_MAX_BYTES = 1 << 30 };
#define SCAN_NO_TAIL UINT64_MAX

struct scan_question {
	uint8_t id[QUESTION_ID_BYTES], table[RELATION_ID_BYTES];
	uint64_t epoch, tail;
	uint32_t schema_version;
	uint16_t ring; /* parameter set */
	struct span columns, program, scalars;
};
amt_status scan_question_put(
	const struct scan_question *q, const uint8_t key_id[16], struct buf *out);
/* Everything but program and scalars is checked; spans are borrowed. */
amt_status scan_question_get(struct scan_question *out, const uint8_t key_id[16], struct span in);

struct scan_reply {
	uint8_t id[QUESTION_ID_BYTES], table[RELATION_ID_BYTES];
	uint64_t epoch, rows, pages, relinearisations, bytes_read, cpu_ns, passed_ns, prepare_ns,
		peak_bytes;
	uint16_t ring;
	struct span answers;
};
amt_status scan_reply_put(const struct scan_reply *a, const uint8_t key_id[16], struct buf *out);
amt_status scan_reply_get(struct scan_reply *out, const uint8_t key_id[16], struct span in);

#endif
