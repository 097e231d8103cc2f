/* Circuits arrive from outside: whatever decodes must print, cost and encode again. */
#include "circuit/circuit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct circuit c;
	struct reader in = reader_of(span_of(data, size), "circuit");
	amt_status s = circuit_get(&c, &in);
	if (!amt_ok(s)) {
		amt_status_clear(&s);
		return 0;
	}
	struct buf out = {0};
	struct circuit_cost cost;
	circuit_cost(&c, 1000, &cost);
	s = status_first(circuit_print(&c, NULL, &out), circuit_put(&c, &out));
	s = status_first(s, circuit_prune(&c));
	if (!amt_ok(s) || cost.total < 0)
		__builtin_trap();
	buf_free(&out);
	circuit_free(&c);
	return 0;
}
