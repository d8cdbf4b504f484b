//! Export requests made from arbitrary bytes: any field in any order and number, unknown fields among them, and, if
//! the first byte asks for it, faults.
//!
//! Written from the `.proto` files alone, so that it knows nothing of how the walk reads them.

/// The fields of a message: their numbers and types.
struct Schema(&'static [(u32, Kind)]);

enum Kind {
    Varint,
    Fixed32,
    Fixed64,
    Str,
    Bytes,
    Message(&'static Schema),
}

use Kind::{Bytes, Fixed32, Fixed64, Message, Str, Varint};

static REQUEST: Schema = Schema(&[(1, Message(&RESOURCE_SPANS))]);
static RESOURCE_SPANS: Schema = Schema(&[(1, Message(&RESOURCE)), (2, Message(&SCOPE_SPANS)), (3, Str)]);
static RESOURCE: Schema = Schema(&[(1, Message(&KEY_VALUE)), (2, Varint), (3, Message(&ENTITY_REF))]);
static ENTITY_REF: Schema = Schema(&[(1, Str), (2, Str), (3, Str), (4, Str)]);
static SCOPE_SPANS: Schema = Schema(&[(1, Message(&SCOPE)), (2, Message(&SPAN)), (3, Str)]);
static SCOPE: Schema = Schema(&[(1, Str), (2, Str), (3, Message(&KEY_VALUE)), (4, Varint)]);
static SPAN: Schema = Schema(&[
    (1, Bytes),
    (2, Bytes),
    (3, Str),
    (4, Bytes),
    (5, Str),
    (6, Varint),
    (7, Fixed64),
    (8, Fixed64),
    (9, Message(&KEY_VALUE)),
    (10, Varint),
    (11, Message(&EVENT)),
    (12, Varint),
    (13, Message(&LINK)),
    (14, Varint),
    (15, Message(&STATUS)),
    (16, Fixed32),
]);
static EVENT: Schema = Schema(&[(1, Fixed64), (2, Str), (3, Message(&KEY_VALUE)), (4, Varint)]);
static LINK: Schema = Schema(&[(1, Bytes), (2, Bytes), (3, Str), (4, Message(&KEY_VALUE)), (5, Varint), (6, Fixed32)]);
static STATUS: Schema = Schema(&[(2, Str), (3, Varint)]);
static KEY_VALUE: Schema = Schema(&[(1, Str), (2, Message(&ANY_VALUE)), (3, Varint)]);
static ANY_VALUE: Schema = Schema(&[
    (1, Str),
    (2, Varint),
    (3, Varint),
    (4, Fixed64),
    (5, Message(&ARRAY_VALUE)),
    (6, Message(&KEY_VALUE_LIST)),
    (7, Bytes),
    (8, Varint),
]);
static ARRAY_VALUE: Schema = Schema(&[(1, Message(&ANY_VALUE))]);
static KEY_VALUE_LIST: Schema = Schema(&[(1, Message(&KEY_VALUE))]);

const TEXTS: [&str; 6] = ["", "gen_ai.request.model", "é", "openai/gpt-4o", "日本語のテキスト", "\u{202e}\0\x1b[2J"];
const NOT_UTF8: [&[u8]; 4] = [b"\x80", b"ab\xc3", b"\xed\xa0\x80", b"0123456789abcdef0123456789\xff"];

/// The request that `seed` describes.
pub(crate) fn request(seed: &[u8]) -> Vec<u8> {
    let (&first, rest) = seed.split_first().unwrap_or((&0, &[]));
    let mut generator = Generator { seed: rest.iter(), faults: first & 1 == 1, levels: 24 };
    generator.message(&REQUEST)
}

struct Generator<'a> {
    seed: std::slice::Iter<'a, u8>,
    faults: bool,
    /// How many more levels messages may nest, so that no seed is spent on one deep value.
    levels: u32,
}

impl Generator<'_> {
    /// The next byte of the seed, zero when it is used up.
    fn byte(&mut self) -> u8 {
        self.seed.next().copied().unwrap_or(0)
    }

    fn message(&mut self, schema: &Schema) -> Vec<u8> {
        let mut out = Vec::new();
        let Some(below) = self.levels.checked_sub(1) else { return out };
        self.levels = below;
        for _ in 0..self.byte() % 9 {
            match self.byte() {
                250.. if self.faults => self.fault(schema, &mut out),
                235..250 => self.unknown_field(schema, &mut out),
                pick => self.field(&schema.0[usize::from(pick) % schema.0.len()], &mut out),
            }
        }
        self.levels += 1;
        out
    }

    fn field(&mut self, (number, kind): &(u32, Kind), out: &mut Vec<u8>) {
        match kind {
            Varint => self.varint_field(*number, out),
            Fixed32 => self.fixed(*number << 3 | 5, 4, out),
            Fixed64 => self.fixed(*number << 3 | 1, 8, out),
            Str => delimited(*number, &self.text(), out),
            Bytes => delimited(*number, &self.bytes(), out),
            Message(schema) => delimited(*number, &self.message(schema), out),
        }
    }

    fn varint_field(&mut self, number: u32, out: &mut Vec<u8>) {
        varint(u64::from(number << 3), out);
        let value = self.byte();
        match value % 4 {
            0 => varint(u64::from(value), out),
            1 => varint(u64::MAX - u64::from(value), out),
            2 => varint(u64::from(value) << 31, out),
            // Longer than it need be.
            _ => out.extend([value | 0x80, 0x80, 0x80, 0x00]),
        }
    }

    fn fixed(&mut self, key: u32, len: usize, out: &mut Vec<u8>) {
        varint(u64::from(key), out);
        for _ in 0..len {
            out.push(self.byte());
        }
    }

    fn text(&mut self) -> Vec<u8> {
        let pick = self.byte();
        let text = TEXTS[usize::from(pick) % TEXTS.len()];
        text.repeat(if pick > 240 { 40 } else { 1 }).into_bytes()
    }

    fn bytes(&mut self) -> Vec<u8> {
        let len = usize::from(self.byte() % 20);
        vec![self.byte(); len]
    }

    fn unknown_field(&mut self, schema: &Schema, out: &mut Vec<u8>) {
        let known = |number: u32| schema.0.iter().any(|field| field.0 == number);
        let number = [1, 2, 17, 19_000, (1 << 29) - 1][usize::from(self.byte() % 5)];
        let number = if known(number) { 99 } else { number };
        self.unknown_value(number, out);
    }

    fn unknown_value(&mut self, number: u32, out: &mut Vec<u8>) {
        match self.byte() % 5 {
            0 => self.varint_field(number, out),
            1 => self.fixed(number << 3 | 1, 8, out),
            2 => delimited(number, &self.bytes(), out),
            3 => self.fixed(number << 3 | 5, 4, out),
            _ => self.group(number, out),
        }
    }

    fn group(&mut self, number: u32, out: &mut Vec<u8>) {
        varint(u64::from(number << 3 | 3), out);
        for _ in 0..self.byte() % 3 {
            let inner = u32::from(self.byte()) + 1;
            self.unknown_value(inner, out);
        }
        varint(u64::from(number << 3 | 4), out);
    }

    fn fault(&mut self, schema: &Schema, out: &mut Vec<u8>) {
        let pick = self.byte();
        let number = schema.0[usize::from(pick) % schema.0.len()].0;
        match pick % 8 {
            0 => out.push(pick & 7),
            1 => varint(u64::from(number << 3) | u64::from(self.byte() & 7), out),
            2 => delimited(number, NOT_UTF8[usize::from(self.byte()) % NOT_UTF8.len()], out),
            3 => varint(u64::from(number << 3 | 2) + (u64::from(self.byte()) << 32), out),
            4 => out.extend([0xff; 9].into_iter().chain([self.byte()])),
            5 => out.extend([99 << 3 & 0x7f | 0x80, 0x06, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, pick]),
            6 => out.extend([0x9b, 0x06, 0x0c]),
            _ => varint(u64::from(number << 3 | 2), out),
        }
    }
}

fn delimited(number: u32, content: &[u8], out: &mut Vec<u8>) {
    varint(u64::from(number << 3 | 2), out);
    varint(content.len() as u64, out);
    out.extend(content);
}

fn varint(value: u64, out: &mut Vec<u8>) {
    prost::encoding::encode_varint(value, out);
}
