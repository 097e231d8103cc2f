/* Yata's intermediate representation: what the host runs for a query. A typed DAG in topological
 * order over columns of encrypted integers: arguments always have smaller numbers than the node. It
 * names columns and numbered encrypted constants and never holds a literal of the query.
 *
 * A node is either *per row* (one value a row of the table) or *single* (one value: constants and
 * aggregates). Aggregates turn the first into the second; a single argument broadcasts.
 *
 * Public constants (CIRCUIT_TRIVIAL) are visible to the host: only what the query's shape shows
 * anyway.
 */
#ifndef CIRCUIT_CIRCUIT_H
#define CIRCUIT_CIRCUIT_H

#include "base/bytes.h"
#include "integer/integer.h"

enum {
	CIRCUIT_MAX_NODES = 4096,
	CIRCUIT_MAX_ARGUMENTS = 256,
	CIRCUIT_MAX_OUTPUTS = 256,
	CIRCUIT_MAX_CONSTANTS = 2048
};

enum circuit_op {
	CIRCUIT_LOAD,	  /* detail: part of the column, index: column. Per row. */
	CIRCUIT_CONSTANT, /* index: number of an encrypted constant. Single. */
	CIRCUIT_TRIVIAL,  /* value. Single. */
	CIRCUIT_NOT,	  /* bool */
	CIRCUIT_ALL,	  /* n-ary bool AND */
	CIRCUIT_ANY,	  /* n-ary bool OR */
	CIRCUIT_COMPARE,  /* detail: enum int_comparison; two of one type -> bool */
	CIRCUIT_ADD,	  /* two of one type, wraps */
	CIRCUIT_SUB,
	CIRCUIT_SELECT, /* bool, a, b -> condition ? a : b */
	CIRCUIT_MASK,	/* bool, a -> condition ? a : 0 */
	CIRCUIT_CAST,	/* to the node's type */
	CIRCUIT_COUNT,	/* per row bool -> single u64: how many are true */
	CIRCUIT_SUM,	/* per row unsigned -> single u64, wraps */
	CIRCUIT_MIN,	/* per row -> single of the same type; of no rows: 0 */
	CIRCUIT_MAX,
	CIRCUIT_MUL, /* two of one type, wraps */
	CIRCUIT_DIV, /* two of one type, towards 0; by 0 as int_divide */
	CIRCUIT_REM,
	CIRCUIT_LOGIC,	/* detail: enum int_logic; two of one type, not bool */
	CIRCUIT_INVERT, /* every bit; not bool */
	CIRCUIT_SHIFT,	/* detail: enum int_shift; integer, amount of any integer type */
	CIRCUIT_OPS
};

enum circuit_part {
	CIRCUIT_VALUE,
	CIRCUIT_NULL_FLAG,
	CIRCUIT_VALID,
	CIRCUIT_PARTS
}; /* VALID: of the row, index 0 */

struct circuit_node {
	uint8_t op;   /* enum circuit_op */
	uint8_t type; /* enum int_type of the result */
	uint8_t detail;
	bool per_row; /* derived */
	bool late;    /* derived: rests on an aggregate, so computed after the pass over the rows */
	uint16_t index;
	uint16_t arguments;
	uint32_t first_argument; /* in circuit.argument */
	uint64_t value;		 /* CIRCUIT_TRIVIAL */
};

enum circuit_sink {
	CIRCUIT_ANSWER_ROWS,  /* per row bool, packed into the answer */
	CIRCUIT_ANSWER_VALUE, /* single, packed into the answer */
	CIRCUIT_STORE	      /* per row: becomes part `detail` of column `index` */
};

struct circuit_output {
	uint8_t sink;
	uint8_t part;	/* CIRCUIT_STORE */
	uint16_t index; /* CIRCUIT_STORE: column */
	uint32_t node;
};

struct circuit {
	struct circuit_node *node;
	size_t nodes, node_capacity;
	uint32_t *argument;
	size_t arguments, argument_capacity;
	struct circuit_output *output;
	size_t outputs, output_capacity;
	uint8_t constant_type[CIRCUIT_MAX_CONSTANTS]; /* enum int_type of each encrypted constant */
	unsigned constants;
};

void circuit_free(struct circuit *c);

/* Builder. Each appends a node, checks types and limits, folds what is trivial to fold, finds an
 * equal node made before (common subexpressions share), and gives its number. */
amt_status circuit_load(struct circuit *c, enum circuit_part part, uint16_t column,
	enum int_type type, uint32_t *node);
amt_status circuit_constant(
	struct circuit *c, enum int_type type, uint32_t *node); /* a new constant each call */
amt_status circuit_trivial(struct circuit *c, enum int_type type, uint64_t value, uint32_t *node);
amt_status circuit_apply(struct circuit *c, enum circuit_op op, uint8_t detail, enum int_type type,
	const uint32_t *arguments, size_t count, uint32_t *node);
amt_status circuit_output(struct circuit *c, enum circuit_sink sink, enum circuit_part part,
	uint16_t column, uint32_t node);
/* Drops nodes no output needs. */
amt_status circuit_prune(struct circuit *c);

/* Serialised form (untrusted when read: every index, type and limit is checked, so a circuit that
 * decodes can be run). */
amt_status circuit_put(const struct circuit *c, struct buf *out);
amt_status circuit_get(struct circuit *out, struct reader *in);

/* One line a node: `%3 = compare.le %0 %2 : bool`. columns: names for loads, may be NULL. */
amt_status circuit_print(const struct circuit *c, const char *const *columns, struct buf *out);

/* What running it costs for `rows` rows: bootstraps as the integer layer performs them. */
struct circuit_cost {
	double per_row; /* bootstraps for each row; aggregates count their share */
	double fixed;	/* once a query */
	unsigned depth; /* longest chain of bootstraps before the aggregates */
	double total;	/* for `rows` rows */
};
void circuit_cost(const struct circuit *c, uint64_t rows, struct circuit_cost *out);

/* Running. Rows are processed in chunks: the host loads a chunk of a column and is given per-row
 * outputs chunk by chunk, single outputs at the end (over no rows aggregates are 0). A loaded
 * column becomes the runner's; a column given to store is borrowed. */
struct circuit_host {
	void *context;
	amt_status (*load)(void *context, enum circuit_part part, uint16_t column,
		enum int_type type, uint64_t first, size_t rows, struct int_column *out);
	amt_status (*constant)(
		void *context, unsigned index, enum int_type type, struct int_column *out);
	amt_status (*store)(void *context, const struct circuit_output *output, uint64_t first,
		const struct int_column *column);
};
amt_status circuit_run(const struct circuit *c, struct int_context *integers,
	const struct circuit_host *host, uint64_t rows, size_t chunk_rows);

#endif
