//! TFHE-rs under the stopwatch of our benchmarks. Default parameters of its high-level API.
//!
//! Reads one metric a line from standard input and answers with one line: seconds of wall time and
//! seconds of processor time, for one value (or one bootstrap). The metrics are those of
//! `build/bench/tfhe.json` and `build/bench/integer.json`; an unknown one is answered with `-`. The
//! first argument is the number of threads. Keys are made at the first use, and the line `ready` is
//! printed when the process listens.

use rayon::prelude::*;
use std::io::{BufRead, Write};
use std::time::Instant;
use tfhe::prelude::*;
use tfhe::shortint::parameters::PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128;
use tfhe::{ConfigBuilder, FheBool, FheUint64, FheUint8};

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
}

/// Processor time of all threads of this process.
fn processor_seconds() -> f64 {
    const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;
    let mut time = Timespec {
        seconds: 0,
        nanoseconds: 0,
    };
    unsafe { clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.seconds as f64 + 1e-9 * time.nanoseconds as f64
}

/// Runs `body`, which handles `values` values; wall and processor time of one of them.
fn measure(values: usize, body: impl FnOnce()) -> (f64, f64) {
    let (cpu, start) = (processor_seconds(), Instant::now());
    body();
    let wall = start.elapsed().as_secs_f64();
    (
        wall / values as f64,
        (processor_seconds() - cpu) / values as f64,
    )
}

/// Key switch and bootstrap of one ciphertext after the other: there is no batched one.
struct Bootstraps {
    server: tfhe::shortint::ServerKey,
    table: tfhe::shortint::server_key::LookupTableOwned,
    input: tfhe::shortint::Ciphertext,
}

impl Bootstraps {
    fn new() -> Self {
        let (client, server) =
            tfhe::shortint::gen_keys(PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128);
        Self {
            table: server.generate_lookup_table(|x| x % 4),
            input: client.encrypt(3),
            server,
        }
    }

    fn run(&self) -> (f64, f64) {
        const EACH: usize = 8;
        measure(EACH, || {
            for _ in 0..EACH {
                std::hint::black_box(self.server.apply_lookup_table(&self.input, &self.table));
            }
        })
    }
}

struct Integers {
    a64: FheUint64,
    b64: FheUint64,
    a8: FheUint8,
    b8: FheUint8,
    amount: FheUint64,
    bit: FheBool,
    ten: Vec<FheUint64>,
}

/// `values` operations at once where one alone might leave a thread idle, else one.
fn operate<T>(values: usize, op: impl Fn() -> T + Sync) -> (f64, f64) {
    measure(values, || {
        if values == 1 {
            std::hint::black_box(op());
        } else {
            (0..values).into_par_iter().with_max_len(1).for_each(|_| {
                std::hint::black_box(op());
            });
        }
    })
}

impl Integers {
    fn new() -> Self {
        let (client, server) = tfhe::generate_keys(ConfigBuilder::default());
        tfhe::set_server_key(server.clone());
        rayon::broadcast(|_| tfhe::set_server_key(server.clone()));
        let a = 0x9e37_79b9_7f4a_7c15u64;
        let b = 0xbf58_476d_1ce4_e5b9u64;
        Self {
            a64: FheUint64::encrypt(a, &client),
            b64: FheUint64::encrypt(b, &client),
            a8: FheUint8::encrypt(0xb5u8, &client),
            b8: FheUint8::encrypt(0x5au8, &client),
            amount: FheUint64::encrypt(21u64, &client),
            bit: FheBool::encrypt(true, &client),
            ten: (1..=10u64)
                .map(|i| FheUint64::encrypt(i.wrapping_mul(a), &client))
                .collect(),
        }
    }

    fn run(&self, metric: &str) -> Option<(f64, f64)> {
        let (a, b) = (&self.a64, &self.b64);
        let (x, y) = (&self.a8, &self.b8);
        const PAIR: usize = 2;
        Some(match metric {
            "u64_and" => operate(PAIR, || a & b),
            "u64_or" => operate(PAIR, || a | b),
            "u64_xor" => operate(PAIR, || a ^ b),
            "u64_add" => operate(PAIR, || a + b),
            "u64_sub" => operate(PAIR, || a - b),
            "u64_eq" => operate(PAIR, || a.eq(b)),
            "u64_lt" => operate(PAIR, || a.lt(b)),
            "u64_select" => operate(PAIR, || self.bit.if_then_else(a, b)),
            "u64_min" => operate(PAIR, || a.min(b)),
            "u64_max" => operate(PAIR, || a.max(b)),
            "u64_mul" => operate(1, || a * b),
            "u64_shl" => operate(PAIR, || a << &self.amount),
            "u64_sum10" => operate(PAIR, || self.ten.iter().sum::<FheUint64>()),
            "u64_div" => operate(1, || a / b),
            "u8_eq" => operate(2 * PAIR, || x.eq(y)),
            "u8_lt" => operate(2 * PAIR, || x.lt(y)),
            "u8_add" => operate(2 * PAIR, || x + y),
            "u8_mul" => operate(2 * PAIR, || x * y),
            "u64_add_latency" => operate(1, || a + b),
            "u64_eq_latency" => operate(1, || a.eq(b)),
            "u64_lt_latency" => operate(1, || a.lt(b)),
            "u64_select_latency" => operate(1, || self.bit.if_then_else(a, b)),
            _ => return None,
        })
    }
}

fn main() {
    let threads = std::env::args().nth(1).and_then(|x| x.parse().ok());
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .build_global()
        .expect("threads");
    let mut out = std::io::stdout();
    let mut integers = None;
    let mut bootstraps = None;
    writeln!(out, "ready").expect("standard output");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("standard input");
        let result = match line.as_str() {
            "kspbs_single" | "kspbs_batched" => {
                Some(bootstraps.get_or_insert_with(Bootstraps::new).run())
            }
            metric => integers.get_or_insert_with(Integers::new).run(metric),
        };
        match result {
            Some((wall, cpu)) => writeln!(out, "{wall:.9} {cpu:.9}"),
            None => writeln!(out, "-"),
        }
        .and_then(|()| out.flush())
        .expect("standard output");
    }
}
