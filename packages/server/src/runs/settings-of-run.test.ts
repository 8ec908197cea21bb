import { expect, test } from 'vitest';
import type { DeployedConfig, IndividualField } from '../versions/deployed.ts';
import { runValues, shownValues } from './settings-of-run.ts';

const field = (option: string, order: number, more: Partial<IndividualField> = {}): IndividualField => ({
  'command-option': option,
  'field-type': 'input',
  'field-required': false,
  'field-default-value': null,
  'field-config': null,
  order,
  ...more,
});

const values = (fields: IndividualField[], stored: Record<string, string>) =>
  runValues({ individuals: fields } as DeployedConfig, stored);

test('stored values come before defaults; what is empty is left out', () => {
  const fields = [
    field('b', 2, { 'field-default-value': 'default' }),
    field('a', 2, { 'field-default-value': 'default' }),
    field('empty', 1),
    field('__proto__', 3),
  ];
  expect(values(fields, { b: ' stored ' })).toEqual([
    { name: 'a', value: 'default', secret: false },
    { name: 'b', value: ' stored ', secret: false },
  ]);
});

test('a box that is not ticked is 0, and never left out', () => {
  const box = (stored: string, initial: string | null) =>
    values([field('box', 1, { 'field-type': 'checkbox', 'field-default-value': initial })], {
      box: stored,
    })[0]?.value;
  expect([box('', null), box('0', '1'), box('', '1'), box('1', null)]).toEqual(['0', '0', '1', '1']);
});

test('several choices stand in the order of the options', () => {
  const config = '{"10":"Ten","2":"Two","a\\"b":"Quoted"}';
  const many = field('many', 1, { 'field-type': 'select_multiple', 'field-config': config });
  expect(values([many], { many: 'a"b,2,10' })[0]?.value).toBe('10,2,a"b');
});

test('the choice of a credential is no setting of its own', () => {
  expect(values([field('authentication_select', 1, { 'field-type': 'authentication_select' })], {})).toEqual(
    [],
  );
});

test('passwords are masked where they are shown', () => {
  expect(shownValues([])).toBeNull();
  const password = values([field('token', 1, { 'field-type': 'password' })], { token: 'x' });
  expect(shownValues(password)).toEqual({ token: '***' });
});
