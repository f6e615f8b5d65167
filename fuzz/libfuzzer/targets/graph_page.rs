#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    unlatch_fuzz::graph::page(data);
});
