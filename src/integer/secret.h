/* Encryption and decryption of integers (owner only; implemented in secret_*.c). */
#ifndef INTEGER_SECRET_H
#define INTEGER_SECRET_H

#include "integer/integer.h"
#include "tfhe/secret.h"

/* values[r] holds row r's bits (two's complement for signed types). */
amt_status int_encrypt(const struct tfhe_secret *s, struct int_column *out, enum int_type type,
	const uint64_t *values, size_t rows);
amt_status int_decrypt(
	const struct tfhe_secret *s, const struct int_column *column, uint64_t *values);

#endif
