import Type from 'typebox';
import { type Endpoint, path, query, Row, word } from './endpoint.ts';

const group = 'Rows';

const input = path('type', word('input', 'full', 'new', 'modified', 'unchanged', 'deleted'), 'Input stream');
const output = path('type', word('output', 'feedback'), 'Output stream');
const classification = query(
  'classification-id',
  Type.Integer(),
  'Only the rows of this classification, with a cursor of its own',
);
const showHidden = query(
  'show-hidden',
  Type.Boolean(),
  'With the columns whose names begin with two underscores',
);

const noStream = 'The run has no such stream, or no such classification: `Requested file not provided.`';
const unreadable = 'The stream can not be read: `Invalid file.`';
const wrongQuery = 'A query parameter is wrong';

export const rowEndpoints: readonly Endpoint[] = [
  {
    id: 'next',
    method: 'GET',
    path: '/input/{type}/next',
    group,
    tag: 'documented',
    summary: 'The next row',
    parameters: [input, showHidden, classification],
    success: { status: 200, message: '', data: Row, orNothing: true },
    errors: { 400: wrongQuery, 404: noStream, 500: unreadable },
  },
  {
    id: 'next_batch',
    method: 'GET',
    path: '/input/{type}/next_batch',
    group,
    tag: 'documented',
    summary: 'The next rows',
    description: 'An empty list at the end of the stream.',
    parameters: [
      input,
      query('size', Type.Integer({ minimum: 1, maximum: 999, default: 1 }), 'How many rows at most'),
      showHidden,
      classification,
    ],
    success: { status: 200, message: '', data: Type.Array(Row) },
    errors: { 400: wrongQuery, 404: noStream, 500: unreadable },
  },
  {
    id: 'restart',
    method: 'GET',
    path: '/input/{type}/restart',
    group,
    tag: 'documented',
    summary: 'Back to the first row',
    parameters: [input, classification],
    success: { status: 200, message: 'successful request' },
    errors: { 400: wrongQuery, 404: noStream, 500: unreadable },
  },
  {
    id: 'count',
    method: 'GET',
    path: '/items/{type}/count',
    group,
    tag: 'documented',
    summary: 'Count the rows of a stream',
    description: 'All of them, wherever the cursor stands.',
    parameters: [input, classification],
    success: {
      status: 200,
      message: 'Items counted successfully.',
      data: Type.Object({ count: Type.Integer() }),
    },
    errors: { 400: wrongQuery, 404: noStream, 500: unreadable },
  },
  {
    id: 'stream',
    method: 'GET',
    path: '/input/{type}/stream',
    group,
    tag: 'ours',
    summary: 'All rows from the cursor to the end',
    description: 'One row a line. The connection breaks off when reading fails in the middle.',
    parameters: [input, showHidden, classification],
    success: { status: 200, ndjson: Row },
    errors: { 400: wrongQuery, 404: noStream, 500: unreadable },
  },
  {
    id: 'write',
    method: 'POST',
    path: '/output/{type}',
    group,
    tag: 'documented',
    summary: 'Append rows',
    description:
      'All rows of a call or none. Nested values become columns, their names joined by the separator.',
    parameters: [output, query('separator', Type.String(), 'For newline-delimited JSON, instead of `meta`')],
    body: Type.Object({
      meta: Type.Optional(Type.Object({ separator: Type.Optional(Type.String()) })),
      data: Type.Array(Type.Object({}, { additionalProperties: true }), { minItems: 1 }),
    }),
    ndjsonBody: true,
    idempotent: true,
    success: { status: 201, message: 'Written successfully.' },
    errors: {
      400: 'Rows are wrong, the stream is closed, or the run has none',
      404: 'No such stream: `Requested file not provided.`',
    },
  },
  {
    id: 'close',
    method: 'POST',
    path: '/output/{type}/close',
    group,
    tag: 'documented',
    summary: 'Close an output stream',
    description: 'It takes no more rows. The end of the run closes both streams by itself.',
    parameters: [output],
    success: { status: 204 },
    errors: { 404: 'No such stream: `Requested file not provided.`' },
  },
  {
    id: 'classifications',
    method: 'GET',
    path: '/csa-classifications',
    group,
    tag: 'documented',
    summary: 'The classifications of category-specific attributes',
    parameters: [
      query('classification-path', Type.String(), 'Only those whose path contains it, whatever the case'),
    ],
    success: {
      status: 200,
      message: 'successful operation',
      data: Type.Array(
        Type.Object({ 'classification-id': Type.Integer(), 'classification-path': Type.String() }),
      ),
    },
  },
  {
    id: 'column_order',
    method: 'GET',
    path: '/column-order',
    group,
    tag: 'ours',
    summary: 'The order of the columns',
    description: 'Of the channel of an export, else of the input.',
    parameters: [showHidden],
    success: { status: 200, message: '', data: Type.Object({ order: Type.Array(Type.String()) }) },
    errors: { 400: wrongQuery },
  },
];
