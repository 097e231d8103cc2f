#include "integer/integer.h"

static const struct {
	const char *name;
	unsigned bits;
	bool is_signed;
} types[INT_TYPES] = {
	[INT_BOOL] = {"bool", 1, false},
	[INT_U8] = {"u8", 8, false},
	[INT_U16] = {"u16", 16, false},
	[INT_U32] = {"u32", 32, false},
	[INT_U64] = {"u64", 64, false},
	[INT_I8] = {"i8", 8, true},
	[INT_I16] = {"i16", 16, true},
	[INT_I32] = {"i32", 32, true},
	[INT_I64] = {"i64", 64, true},
	[INT_U128] = {"u128", 128, false},
};

unsigned int_type_bits(enum int_type t)
{
	return types[t].bits;
}

unsigned int_type_words(enum int_type t)
{
	return types[t].bits > 64 ? 2 : 1;
}

unsigned int_type_blocks(enum int_type t)
{
	return t == INT_BOOL ? 1 : types[t].bits / 2;
}

bool int_type_signed(enum int_type t)
{
	return types[t].is_signed;
}

const char *int_type_name(enum int_type t)
{
	return types[t].name;
}
