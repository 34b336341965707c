// What data does a Python pickle hold? A strict machine for protocols 2 to 5 that runs nothing: the only names it knows
// are those it is given, each with our own stand-in, and everything else is refused by name and byte. What the
// stand-ins build is their files' business. (Opcodes: CPython's Lib/pickletools.py.)

import { PickleBytes } from './pickle-bytes.js';

export { PickleError } from './pickle-bytes.js';

/** What may be done with a Python name that is allowed. */
export class PickleGlobal {
  constructor(
    /** "numpy.dtype" */
    readonly name: string,
    readonly uses: {
      /** REDUCE: calls it. @throws Error that says what is wrong with the arguments. */
      readonly call?: (args: readonly unknown[]) => unknown;
      /** NEWOBJ: the object without its state. */
      readonly create?: () => PickleObject;
    } = {},
  ) {}
}

/** A stand-in that takes its state with BUILD. */
export abstract class PickleObject {
  /** @throws Error that says what of the state is wrong. */
  abstract setState(state: unknown): void;
}

/** By "module name". */
export type PickleGlobals = ReadonlyMap<string, PickleGlobal>;

/** Lists, dicts, tuples and the like; a data frame of 24,576 rows and ten columns needs 250,000. */
const maxObjects = 20_000_000;
const highestProtocol = 5;

/**
 * The one value of a pickle. None is null; whole numbers are numbers, or bigints beyond 53 bits; bytes are views of
 * `bytes`; lists and tuples are arrays, dicts are Maps, sets are Sets.
 * @throws PickleError
 */
export function readPickle(bytes: Buffer, globals: PickleGlobals): unknown {
  return new PickleMachine(bytes, globals).run();
}

class PickleMachine {
  readonly #bytes: PickleBytes;
  readonly #globals: PickleGlobals;
  readonly #stack: unknown[] = [];
  /** Heights of the stack where a MARK was set. */
  readonly #marks: number[] = [];
  readonly #memo: unknown[] = [];
  #floor = 0;
  #objects = 0;

  constructor(bytes: Buffer, globals: PickleGlobals) {
    this.#bytes = new PickleBytes(bytes);
    this.#globals = globals;
  }

  run(): unknown {
    for (;;) {
      const opcode = this.#bytes.opcode();
      if (opcode === 0x2e) return this.#finish();
      this.#step(opcode);
    }
  }

  #finish(): unknown {
    const value = this.#pop();
    if (this.#stack.length > 0) this.#bytes.fail(`${this.#stack.length} values are left over`);
    if (this.#bytes.left > 0)
      this.#bytes.fail(`the pickle ends, and ${this.#bytes.left} bytes follow`);
    return value;
  }

  // One case an opcode, the frequent ones first: a table of functions takes three times as long.
  #step(opcode: number): void {
    const stack = this.#stack;
    const bytes = this.#bytes;
    switch (opcode) {
      case 0x4b: // BININT1
        stack.push(bytes.byte());
        return;
      case 0x4d: // BININT2
        stack.push(bytes.uint16());
        return;
      case 0x4a: // BININT
        stack.push(bytes.int32());
        return;
      case 0x94: // MEMOIZE
        this.#memo.push(this.#top());
        return;
      case 0x71: // BINPUT
        this.#put(bytes.byte());
        return;
      case 0x72: // LONG_BINPUT
        this.#put(bytes.length(4));
        return;
      case 0x68: // BINGET
        stack.push(this.#get(bytes.byte()));
        return;
      case 0x6a: // LONG_BINGET
        stack.push(this.#get(bytes.length(4)));
        return;
      case 0x28: // MARK
        this.#marks.push(stack.length);
        this.#floor = stack.length;
        return;
      case 0x65: // APPENDS
        this.#append(this.#popMark());
        return;
      case 0x61: // APPEND
        this.#append([this.#pop()]);
        return;
      case 0x75: // SETITEMS
        this.#setItems(this.#popMark());
        return;
      case 0x73: // SETITEM
        this.#setItems(this.#popMany(2));
        return;
      case 0x8c: // SHORT_BINUNICODE
        stack.push(bytes.text(bytes.byte()));
        return;
      case 0x58: // BINUNICODE
        stack.push(bytes.text(bytes.length(4)));
        return;
      case 0x8d: // BINUNICODE8
        stack.push(bytes.text(bytes.length(8)));
        return;
      case 0x43: // SHORT_BINBYTES
        this.#pushObject(bytes.view(bytes.byte()));
        return;
      case 0x42: // BINBYTES
        this.#pushObject(bytes.view(bytes.length(4)));
        return;
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        this.#pushObject(bytes.view(bytes.length(8)));
        return;
      case 0x4e: // NONE
        stack.push(null);
        return;
      case 0x88: // NEWTRUE
        stack.push(true);
        return;
      case 0x89: // NEWFALSE
        stack.push(false);
        return;
      case 0x47: // BINFLOAT
        stack.push(bytes.double());
        return;
      case 0x8a: // LONG1
        stack.push(bytes.integer(bytes.byte()));
        return;
      case 0x8b: // LONG4
        stack.push(bytes.integer(bytes.length(4)));
        return;
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        this.#pushObject([]);
        return;
      case 0x7d: // EMPTY_DICT
        this.#pushObject(new Map());
        return;
      case 0x8f: // EMPTY_SET
        this.#pushObject(new Set());
        return;
      case 0x85: // TUPLE1
        this.#pushObject(this.#popMany(1));
        return;
      case 0x86: // TUPLE2
        this.#pushObject(this.#popMany(2));
        return;
      case 0x87: // TUPLE3
        this.#pushObject(this.#popMany(3));
        return;
      case 0x74: // TUPLE
      case 0x6c: // LIST
        this.#pushObject(this.#popMark());
        return;
      case 0x64: {
        // DICT
        const items = this.#popMark();
        this.#pushObject(new Map());
        this.#setItems(items);
        return;
      }
      case 0x91: // FROZENSET
        this.#pushObject(new Set(this.#popMark()));
        return;
      case 0x90: // ADDITEMS
        this.#addItems(this.#popMark());
        return;
      case 0x52: // REDUCE
        this.#reduce();
        return;
      case 0x81: // NEWOBJ
        this.#createObject();
        return;
      case 0x62: // BUILD
        this.#build();
        return;
      case 0x93: // STACK_GLOBAL
        this.#pushStackGlobal();
        return;
      case 0x63: // GLOBAL
        this.#pushGlobal(bytes.line(), bytes.line());
        return;
      case 0x30: // POP
        this.#discard();
        return;
      case 0x31: // POP_MARK
        this.#popMark();
        return;
      case 0x32: // DUP
        stack.push(this.#top());
        return;
      case 0x80: // PROTO
        this.#checkProtocol(bytes.byte());
        return;
      case 0x95: // FRAME: its length says how much to buffer, and all of it is here.
        bytes.take(8);
        return;
      default:
        this.#refuse(opcode);
    }
  }

  #refuse(opcode: number): never {
    const name = refusedOpcodes[opcode];
    const code = `0x${opcode.toString(16).padStart(2, '0')}`;
    this.#bytes.fail(
      name === undefined
        ? `${code} is no opcode of a pickle`
        : `opcode ${name} is not allowed in a file of data`,
    );
  }

  #checkProtocol(version: number): void {
    if (version >= 2 && version <= highestProtocol) return;
    this.#bytes.fail(`the pickle has protocol ${version}; allowed: 2 to ${highestProtocol}`);
  }

  #top(): unknown {
    if (this.#stack.length <= this.#floor) this.#bytes.fail('a value is missing from the stack');
    return this.#stack[this.#stack.length - 1];
  }

  #pop(): unknown {
    if (this.#stack.length <= this.#floor) this.#bytes.fail('a value is missing from the stack');
    return this.#stack.pop();
  }

  #popMany(count: number): unknown[] {
    if (this.#stack.length - count < this.#floor)
      this.#bytes.fail('a value is missing from the stack');
    return this.#stack.splice(this.#stack.length - count);
  }

  #popMark(): unknown[] {
    const mark = this.#marks.pop();
    if (mark === undefined) this.#bytes.fail('a mark is missing from the stack');
    this.#floor = this.#marks[this.#marks.length - 1] ?? 0;
    return this.#stack.splice(mark);
  }

  /** POP takes a mark too, where one lies on top. */
  #discard(): void {
    if (this.#marks.length > 0 && this.#stack.length === this.#floor) this.#popMark();
    else this.#pop();
  }

  #put(index: number): void {
    // Whoever writes a pickle counts up from 0, a byte or more each.
    if (index > this.#bytes.size) {
      this.#bytes.fail(`memo ${index} is beyond the ${this.#bytes.size} bytes of the pickle`);
    }
    this.#memo[index] = this.#top();
  }

  #get(index: number): unknown {
    const value = this.#memo[index];
    if (value === undefined) this.#bytes.fail(`memo ${index} was never written`);
    return value;
  }

  #pushObject(value: unknown): void {
    if (++this.#objects > maxObjects) {
      this.#bytes.fail(
        `the pickle has too many lists, tuples and dicts; allowed: up to ${maxObjects}`,
      );
    }
    this.#stack.push(value);
  }

  #append(items: readonly unknown[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) this.#bytes.fail('values are appended to what is no list');
    for (const item of items) list.push(item);
  }

  #setItems(items: readonly unknown[]): void {
    const map = this.#top();
    if (!(map instanceof Map)) this.#bytes.fail('items are set in what is no dict');
    if (items.length % 2 !== 0) this.#bytes.fail('a key has no value');
    for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1]);
  }

  #addItems(items: readonly unknown[]): void {
    const set = this.#top();
    if (!(set instanceof Set)) this.#bytes.fail('items are added to what is no set');
    for (const item of items) set.add(item);
  }

  #pushStackGlobal(): void {
    const name = this.#pop();
    const module = this.#pop();
    if (typeof module !== 'string' || typeof name !== 'string')
      this.#bytes.fail('a name is no text');
    this.#pushGlobal(module, name);
  }

  #pushGlobal(module: string, name: string): void {
    const known = this.#globals.get(`${module} ${name}`);
    if (known === undefined) {
      const shown = `${module}.${name}`.slice(0, 120);
      this.#bytes.fail(`names ${JSON.stringify(shown)}, which is not allowed in a file of data`);
    }
    this.#stack.push(known);
  }

  #reduce(): void {
    const args = this.#pop();
    const global = this.#pop();
    const call = global instanceof PickleGlobal ? global.uses.call : undefined;
    if (call === undefined) this.#bytes.fail(`${describe(global)} may not be called`);
    if (!Array.isArray(args)) this.#bytes.fail('a call has no arguments');
    this.#pushObject(this.#guard(describe(global), () => call(args)));
  }

  #createObject(): void {
    const args = this.#pop();
    const global = this.#pop();
    const create = global instanceof PickleGlobal ? global.uses.create : undefined;
    if (create === undefined) this.#bytes.fail(`${describe(global)} may not be made`);
    if (!Array.isArray(args) || args.length > 0) {
      this.#bytes.fail(`${describe(global)} takes no arguments`);
    }
    this.#pushObject(create());
  }

  #build(): void {
    const state = this.#pop();
    const object = this.#top();
    if (!(object instanceof PickleObject)) this.#bytes.fail('a state is given to what takes none');
    this.#guard(object.constructor.name, () => object.setState(state));
  }

  /** What a stand-in finds wrong has a place too. */
  #guard<T>(name: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      return this.#bytes.fail(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

function describe(value: unknown): string {
  return value instanceof PickleGlobal ? value.name : 'what is no name';
}

/** Opcodes that CPython knows: those that call something, those of protocols 0 and 1, and those of the copy registry. */
const refusedOpcodes: Readonly<Record<number, string>> = {
  70: 'FLOAT',
  73: 'INT',
  76: 'LONG',
  80: 'PERSID',
  81: 'BINPERSID',
  83: 'STRING',
  84: 'BINSTRING',
  85: 'SHORT_BINSTRING',
  86: 'UNICODE',
  103: 'GET',
  105: 'INST',
  111: 'OBJ',
  112: 'PUT',
  130: 'EXT1',
  131: 'EXT2',
  132: 'EXT4',
  146: 'NEWOBJ_EX',
  151: 'NEXT_BUFFER',
  152: 'READONLY_BUFFER',
};
