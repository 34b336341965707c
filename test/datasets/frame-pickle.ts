// Writes a data frame of object columns as pandas 2 pickles it, for files that are too large to keep and for those that
// pandas would never write.

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  const head = Buffer.alloc(5, 0x58);
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
};

const integer = (value: number): Buffer => {
  const bytes = Buffer.alloc(5, 0x4a);
  bytes.writeInt32LE(value, 1);
  return bytes;
};

const op = (opcode: string): Buffer => Buffer.from(opcode, 'latin1');

const global = (module: string, name: string): Buffer => op(`c${module}\n${name}\n`);

const tuple = (...items: readonly Buffer[]): Buffer => Buffer.concat([op('('), ...items, op('t')]);

/** Token ids as Python writes a list: two bytes and an opcode each. */
export function tokenList(ids: readonly number[]): Buffer {
  const bytes = Buffer.alloc(3 + 3 * ids.length);
  bytes.write('](', 0, 'latin1');
  ids.forEach((id, i) => {
    bytes[2 + 3 * i] = 0x4d;
    bytes.writeUInt16LE(id, 3 + 3 * i);
  });
  bytes.write('e', bytes.length - 1, 'latin1');
  return bytes;
}

export const textCell = text;

/** A value that later cells may repeat, and the repetition. */
export const remember = (value: Buffer): Buffer => Buffer.concat([value, op('q\x07')]);
export const again = op('h\x07');

/** An array of objects; its cells lie column after column. */
function objects(shape: readonly number[], cells: readonly Buffer[]): Buffer {
  const empty = Buffer.concat([
    global('numpy.core.multiarray', '_reconstruct'),
    tuple(global('numpy', 'ndarray'), tuple(integer(0)), op('C\x01b')),
    op('R'),
  ]);
  const type = Buffer.concat([global('numpy', 'dtype'), tuple(text('O8')), op('R')]);
  const order = Buffer.concat([tuple(integer(3), text('|')), op('b')]);
  const list = Buffer.concat([op(']('), ...cells, op('e')]);
  const state = tuple(
    integer(1),
    tuple(...shape.map(integer)),
    Buffer.concat([type, order]),
    op('\x89'),
    list,
  );
  return Buffer.concat([empty, state, op('b')]);
}

/** The pickle of a frame whose columns have these cells, each written already. */
export function pickleFrame(columns: Readonly<Record<string, readonly Buffer[]>>): Buffer {
  const names = Object.keys(columns);
  const rows = columns[names[0]!]!.length;
  const values = objects(
    [names.length, rows],
    names.flatMap((name) => [...columns[name]!]),
  );
  const place = tuple(integer(0), integer(names.length), integer(1));
  const slice = Buffer.concat([global('builtins', 'slice'), place, op('R')]);
  const block = Buffer.concat([
    global('pandas._libs.internals', '_unpickle_block'),
    tuple(values, slice, integer(2)),
    op('R'),
  ]);
  const index = (kind: string, items: Readonly<Record<string, Buffer>>) =>
    Buffer.concat([
      global('pandas.core.indexes.base', '_new_Index'),
      tuple(
        global(`pandas.core.indexes.${kind === 'Index' ? 'base' : 'range'}`, kind),
        Buffer.concat([
          op('}('),
          ...Object.entries(items).flatMap(([k, v]) => [text(k), v]),
          op('u'),
        ]),
      ),
      op('R'),
    ]);
  const axes = Buffer.concat([
    op(']('),
    index('Index', { data: objects([names.length], names.map(text)) }),
    index('RangeIndex', { start: integer(0), stop: integer(rows), step: integer(1) }),
    op('e'),
  ]);
  const manager = Buffer.concat([
    global('pandas.core.internals.managers', 'BlockManager'),
    tuple(tuple(block), axes),
    op('R'),
  ]);
  return Buffer.concat([
    op('\x80\x04'),
    global('pandas.core.frame', 'DataFrame'),
    op(')\x81}'),
    text('_mgr'),
    manager,
    op('sb.'),
  ]);
}
