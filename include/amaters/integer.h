/* Encrypted integers without a database: the owner encrypts arrays and decrypts results, a host
 * computes on them with the evaluation key. examples/integers.c shows both.
 *
 *	owner   amt_int_evaluation_key(key, &bytes, &size)     once, to the host
 *	owner   amt_int_encrypt(&a, key, AMT_INT_U32, values, count), amt_int_write(a, &bytes, &size)
 *	host    amt_int_read(&a, bytes, size), amt_int_add(host, &sum, a, b), amt_int_write(sum, ...)
 *	owner   amt_int_read(&sum, bytes, size), amt_int_decrypt(key, sum, values)
 *
 * An array holds values of one type. Operations work on whole arrays, value by value, and are much
 * faster on many values than on one; an array of one value goes with any other. Results are new
 * arrays, operands stay as they are and may be one and the same array. A result is wrong with a
 * probability of at most 2^-128 a bootstrap.
 *
 * Archives: amt_int_host* and operations are in libamaters_host, what takes an amt_key in
 * libamaters_owner, the rest in both. Threads: arrays that nobody changes may be read by many
 * threads; a host belongs to one thread at a time (and uses several of its own).
 * Errors of all operations: AMT_WRONG_KEY and AMT_FOREIGN_PARAMETERS (an array of another key),
 * AMT_TYPE_MISMATCH, AMT_INVALID_ARGUMENT (lengths that do not go together), AMT_OUT_OF_MEMORY.
 * On an error *out is NULL.
 */
#ifndef AMATERS_INTEGER_H
#define AMATERS_INTEGER_H

#include <amaters/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum amt_int_type {
	AMT_INT_BOOL,
	AMT_INT_U8,
	AMT_INT_U16,
	AMT_INT_U32,
	AMT_INT_U64,
	AMT_INT_I8,
	AMT_INT_I16,
	AMT_INT_I32,
	AMT_INT_I64,
	AMT_INT_U128
} amt_int_type;

/* ---- arrays -------------------------------------------------------------------------------- */

typedef struct amt_int_array amt_int_array;

amt_int_type amt_int_array_type(const amt_int_array *array);
size_t amt_int_array_count(const amt_int_array *array);
void amt_int_array_free(amt_int_array *array);

/* As bytes that say which key and parameter set they belong to: some 8 KiB for each 2 bits of each
 * value. Free them with amt_int_bytes_free. */
amt_status amt_int_write(const amt_int_array *array, void **bytes, size_t *size);
/* Bytes of amt_int_write or amt_int_compress, from anywhere: all is checked, and what is accepted can be computed on. Errors:
 * AMT_TRUNCATED, AMT_CORRUPTION, AMT_UNKNOWN_VERSION, AMT_FOREIGN_PARAMETERS. */
amt_status amt_int_read(amt_int_array **out, const void *bytes, size_t size);
void amt_int_bytes_free(void *bytes);

/* ---- owner --------------------------------------------------------------------------------- */

typedef struct amt_key amt_key; /* amaters/owner.h: amt_key_generate, amt_key_open, ... */

/* What a host needs, some 30 MB, public. Free with amt_int_bytes_free. Takes seconds. */
amt_status amt_int_evaluation_key(const amt_key *key, void **bytes, size_t *size);

/* What a host of `new_key` needs to turn arrays of `old_key` into its own (amt_int_host_accept): 65 KB,
 * public. The old key is encrypted under the new one: who learns the new key can read the old data, who
 * learns the old key learns nothing new. Both of one parameter set, else AMT_FOREIGN_PARAMETERS. Free
 * with amt_int_bytes_free. */
amt_status amt_int_rotation_key(
	const amt_key *old_key, const amt_key *new_key, void **bytes, size_t *size);

/* values[i] holds the bits of value i (two's complement for signed types; bool: 0 or 1); bits
 * beyond the type's width are ignored. count is at least 1. u128: two
 * words a value, the low one first. */
amt_status amt_int_encrypt(amt_int_array **out, const amt_key *key, amt_int_type type,
	const uint64_t *values, size_t count);
/* values has room for amt_int_array_count(array) (u128: twice as many); signed values come sign-extended to 64 bits. */
amt_status amt_int_decrypt(const amt_key *key, const amt_int_array *array, uint64_t *values);

/* ---- writers -------------------------------------------------------------------------------

 * Who has an owner's public key (8 KB) encrypts for the owner and can read nothing, not even what it
 * wrote:
 *
 *	owner   amt_int_public_key(key, &bytes, &size)                once, to writers
 *	writer  amt_public_key_read(&public_key, bytes, size)
 *	        amt_int_encrypt_public(&bytes, &size, public_key, AMT_INT_U32, values, count)
 *	host    amt_int_ingest(host, &a, bytes, size)                 an array like any other
 *
 * A writer must have the public key by a way it trusts: who exchanges it reads what is written. */

/* Free the bytes with amt_int_bytes_free. */
amt_status amt_int_public_key(const amt_key *key, void **bytes, size_t *size);

typedef struct amt_public_key amt_public_key;
/* Errors: AMT_TRUNCATED, AMT_CORRUPTION, AMT_UNKNOWN_VERSION, AMT_FOREIGN_PARAMETERS. */
amt_status amt_public_key_read(amt_public_key **out, const void *bytes, size_t size);
const char *amt_public_key_id(const amt_public_key *key); /* that of the owner's key */
void amt_public_key_free(amt_public_key *key);

/* 4 bytes for each 2 bits of each value, and 4 KB for each 4096 bits that are begun: many values at
 * once are cheaper than one by one. Other bits than those of the type are ignored. Free with
 * amt_int_bytes_free. In libamaters_owner; needs no amt_key. */
amt_status amt_int_encrypt_public(void **bytes, size_t *size, const amt_public_key *key,
	amt_int_type type, const uint64_t *values, size_t count);

/* ---- host ---------------------------------------------------------------------------------- */

typedef struct amt_int_host amt_int_host;

/* Checks and expands the evaluation key (some 120 MB in memory); the bytes are not needed
 * afterwards. threads 0: one for each core. Errors: AMT_TRUNCATED, AMT_CORRUPTION,
 * AMT_UNKNOWN_VERSION, AMT_FOREIGN_PARAMETERS. */
amt_status amt_int_host_new(
	amt_int_host **out, const void *evaluation_key, size_t size, unsigned threads);
/* The same with the expanded key in a file of the folder `cache`, mapped and shared by all processes
 * that open it (amt_host_options.key_cache). */
amt_status amt_int_host_open(amt_int_host **out, const void *evaluation_key, size_t size,
	const char *cache, unsigned threads);
void amt_int_host_free(amt_int_host *host);
uint64_t amt_int_host_bootstraps(const amt_int_host *host); /* since it was made */

/* Called from time to time on the calling thread; returning false cancels the operation
 * (AMT_CANCELLED). NULL: none. */
typedef bool (*amt_int_progress)(void *context, uint64_t done, uint64_t total);
void amt_int_host_progress(amt_int_host *host, amt_int_progress progress, void *context);

/* A public constant as an array of one value; not encrypted, mixes with what is. */
amt_status amt_int_constant(
	amt_int_host *host, amt_int_array **out, amt_int_type type, uint64_t value);
/* Of u128 in two words. */
amt_status amt_int_constant_wide(
	amt_int_host *host, amt_int_array **out, amt_int_type type, uint64_t low, uint64_t high);

/* What a writer encrypted, as an array: one bootstrap for each 2 bits, so that every value is one of
 * its type with little noise, whatever the writer sent. Errors besides: AMT_TRUNCATED, AMT_CORRUPTION.
 */
amt_status amt_int_ingest(amt_int_host *host, amt_int_array **out, const void *bytes, size_t size);

/* The array in few bytes: 3.5 for each 2 bits of each value, and 3.5 KB for each 4096 bits that are
 * begun (set T2). Blocks with more than a bootstrap's noise are bootstrapped first. amt_int_read reads it
 * again, at the owner to decrypt or at a host to compute (the first operations then bootstrap a
 * little more). Free with amt_int_bytes_free. */
amt_status amt_int_compress(
	amt_int_host *host, const amt_int_array *array, void **bytes, size_t *size);

/* Rotation to a new key: the host of the new key accepts rotation keys (amt_int_rotation_key) and turns
 * arrays of the old keys into arrays of its own, one bootstrap for each 2 bits. A rotation key takes
 * some 60 MB; up to 8 are kept. Errors: AMT_TRUNCATED, AMT_CORRUPTION, AMT_UNKNOWN_VERSION,
 * AMT_WRONG_KEY (to another new key, or for amt_int_rotate from an old key without rotation key). */
amt_status amt_int_host_accept(amt_int_host *host, const void *rotation_key, size_t size);
amt_status amt_int_rotate(amt_int_host *host, amt_int_array **out, const amt_int_array *of_old_key);

/* Operations take and give arrays: values at the same place, or one value with all of the other
 * array. They do not change their operands. A constant as the right operand (or either of a commutative
 * operation) makes many cheaper. docs/integers.md has the bootstraps each takes. */

/* Modulo 2^width. Operands of one type, not bool. */
amt_status amt_int_add(
	amt_int_host *host, amt_int_array **out, const amt_int_array *a, const amt_int_array *b);
amt_status amt_int_sub(
	amt_int_host *host, amt_int_array **out, const amt_int_array *a, const amt_int_array *b);

amt_status amt_int_neg(amt_int_host *host, amt_int_array **out, const amt_int_array *a);
/* The same, and a bool array that says which results did not fit the type. */
amt_status amt_int_add_overflow(amt_int_host *host, amt_int_array **out, amt_int_array **overflow,
	const amt_int_array *a, const amt_int_array *b);
amt_status amt_int_sub_overflow(amt_int_host *host, amt_int_array **out, amt_int_array **overflow,
	const amt_int_array *a, const amt_int_array *b);
amt_status amt_int_mul(
	amt_int_host *host, amt_int_array **out, const amt_int_array *a, const amt_int_array *b);
/* quotient towards 0 and remainder of the same sign as a, as in C; either place may be NULL. Divided by
 * 0: unsigned values give a quotient of all ones, signed ones -1, or 1 if a is negative; the remainder
 * is a. The least signed value divided by -1 is itself. */
amt_status amt_int_divide(amt_int_host *host, amt_int_array **quotient, amt_int_array **remainder,
	const amt_int_array *a, const amt_int_array *b);
/* The sum of `count` arrays, value by value. */
amt_status amt_int_sum_of(
	amt_int_host *host, amt_int_array **out, const amt_int_array *const *arrays, size_t count);

typedef enum amt_int_shift_kind {
	AMT_INT_SHL,
	AMT_INT_SHR, /* signed values keep their sign */
	AMT_INT_ROTL,
	AMT_INT_ROTR
} amt_int_shift_kind;
/* By amounts of any type, modulo the width. */
amt_status amt_int_shift(amt_int_host *host, amt_int_array **out, amt_int_shift_kind kind,
	const amt_int_array *a, const amt_int_array *amount);
/* How many bits from the top are 0, as u8. AMT_UNSUPPORTED with parameter sets of little noise room. */
amt_status amt_int_leading_zeros(amt_int_host *host, amt_int_array **out, const amt_int_array *a);

typedef enum amt_int_comparison {
	AMT_INT_EQ,
	AMT_INT_NE,
	AMT_INT_LT,
	AMT_INT_LE,
	AMT_INT_GT,
	AMT_INT_GE
} amt_int_comparison;
/* The result is bool. */
amt_status amt_int_compare(amt_int_host *host, amt_int_array **out, amt_int_comparison comparison,
	const amt_int_array *a, const amt_int_array *b);

typedef enum amt_int_logic { AMT_INT_AND, AMT_INT_OR, AMT_INT_XOR } amt_int_logic;
/* Bit by bit; bools too. */
amt_status amt_int_bitwise(amt_int_host *host, amt_int_array **out, amt_int_logic logic,
	const amt_int_array *a, const amt_int_array *b);
amt_status amt_int_invert(amt_int_host *host, amt_int_array **out, const amt_int_array *a);

/* condition ? a : b, value by value; condition is bool. */
amt_status amt_int_select(amt_int_host *host, amt_int_array **out, const amt_int_array *condition,
	const amt_int_array *a, const amt_int_array *b);
amt_status amt_int_min(
	amt_int_host *host, amt_int_array **out, const amt_int_array *a, const amt_int_array *b);
amt_status amt_int_max(
	amt_int_host *host, amt_int_array **out, const amt_int_array *a, const amt_int_array *b);

/* The sum of all values as one 64-bit value, signed or not like the operand (bools: how many are
 * true). */
amt_status amt_int_sum(amt_int_host *host, amt_int_array **out, const amt_int_array *a);

/* Truncates, or extends by zero or sign; to bool: whether the value is not 0. */
amt_status amt_int_cast(
	amt_int_host *host, amt_int_array **out, amt_int_type type, const amt_int_array *a);

#ifdef __cplusplus
}
#endif
#endif
