import { ByteSink } from '../flatten/byte-sink.ts';

/*
 * The compact protocol of Apache Thrift, as far as the footers of Parquet files use it: values are read as they stand
 * and written again, whatever the fields mean.
 */

/** Numbers of fields → values. */
export type Struct = Map<number, Field>;
export type Field =
  | { readonly type: 1 | 2 }
  | { readonly type: 3 | 4 | 5 | 6; value: number }
  | { readonly type: 7 | 8; readonly value: Buffer }
  | { readonly type: 9 | 10; readonly of: number; items: Item[] }
  | { readonly type: 12; readonly value: Struct };
/** An element of a list. */
export type Item = Field;

const STOP = 0;

/** @throws when the bytes are no struct */
export function readStruct(bytes: Buffer): Struct {
  return new Reader(bytes).struct();
}

export function writeStruct(struct: Struct): Buffer {
  const sink = new ByteSink(64 * 1024);
  putStruct(sink, struct);
  return sink.view();
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  struct(): Struct {
    const fields: Struct = new Map();
    let id = 0;
    for (let header = this.#byte(); header !== STOP; header = this.#byte()) {
      id = header >> 4 === 0 ? this.#integer() : id + (header >> 4);
      fields.set(id, this.#value(header & 15, false));
    }
    return fields;
  }

  #value(type: number, inList: boolean): Field {
    switch (type) {
      case 1:
      case 2:
        // A field has its value in its header; an element of a list is a byte.
        return { type: inList ? (this.#byte() as 1 | 2) : type };
      case 3:
        return { type, value: this.#byte() };
      case 4:
      case 5:
      case 6:
        return { type, value: this.#integer() };
      case 7:
        return { type, value: this.#take(8) };
      case 8:
        return { type, value: this.#take(this.#unsigned()) };
      case 9:
      case 10: {
        const header = this.#byte();
        const size = header >> 4 === 15 ? this.#unsigned() : header >> 4;
        const of = header & 15;
        return { type, of, items: Array.from({ length: size }, () => this.#value(of, true)) };
      }
      case 12:
        return { type, value: this.struct() };
      default:
        throw new Error(`The footer has a value of the unknown type ${type}`);
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Error('The footer breaks off');
    return byte;
  }

  #take(length: number): Buffer {
    const taken = this.#bytes.subarray(this.#at, this.#at + length);
    if (taken.length < length) throw new Error('The footer breaks off');
    this.#at += length;
    return taken;
  }

  #unsigned(): number {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = this.#byte();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
  }

  /** Zigzag: the sign is the last bit. */
  #integer(): number {
    const coded = this.#unsigned();
    return coded % 2 === 0 ? coded / 2 : -(coded + 1) / 2;
  }
}

function putStruct(sink: ByteSink, struct: Struct): void {
  let last = 0;
  for (const [id, field] of struct) {
    const step = id - last;
    if (step > 0 && step < 16) putByte(sink, (step << 4) | field.type);
    else {
      putByte(sink, field.type);
      putInteger(sink, id);
    }
    last = id;
    putValue(sink, field, false);
  }
  putByte(sink, STOP);
}

function putValue(sink: ByteSink, field: Field, inList: boolean): void {
  switch (field.type) {
    case 1:
    case 2:
      if (inList) putByte(sink, field.type);
      return;
    case 3:
      putByte(sink, field.value);
      return;
    case 7:
      sink.push(field.value);
      return;
    case 8:
      putUnsigned(sink, field.value.length);
      sink.push(field.value);
      return;
    case 9:
    case 10:
      putByte(sink, (Math.min(15, field.items.length) << 4) | field.of);
      if (field.items.length >= 15) putUnsigned(sink, field.items.length);
      for (const item of field.items) putValue(sink, item, true);
      return;
    case 12:
      putStruct(sink, field.value);
      return;
    default:
      putInteger(sink, field.value);
  }
}

function putByte(sink: ByteSink, byte: number): void {
  sink.reserve(1)[sink.length++] = byte;
}

function putUnsigned(sink: ByteSink, value: number): void {
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) putByte(sink, (left % 128) | 128);
  putByte(sink, left);
}

const putInteger = (sink: ByteSink, value: number): void =>
  putUnsigned(sink, value >= 0 ? value * 2 : -value * 2 - 1);
