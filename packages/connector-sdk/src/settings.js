// @ts-check
/** @import { Settings as SettingsApi } from '../types.d.ts' */
import { SettingError } from './errors.js';

/** @implements {SettingsApi} */
export class Settings {
  #environment;
  /** @type {Map<string, string>} */
  #options = new Map();

  /**
   * @param {Readonly<Record<string, string | undefined>>} environment
   * @param {readonly string[]} words of the command line
   */
  constructor(environment, words) {
    this.#environment = environment;
    for (const word of words) {
      const option = /^--([^=]+)=(.*)$/s.exec(word);
      if (option) this.#options.set(/** @type {string} */ (option[1]), /** @type {string} */ (option[2]));
    }
  }

  /**
   * @param {string} name
   * @param {string} [fallback]
   * @returns {any} a text when there is a fallback
   */
  get(name, fallback) {
    const value = this.#options.get(name) ?? this.#environment[variableOf(name)] ?? this.#environment[name];
    return value === undefined || value === '' ? fallback : value;
  }

  /** @param {string} name */
  required(name) {
    const value = this.get(name);
    if (value !== undefined) return value;
    const places = `It is looked up as the option --${name}=… and as the variable ${variableOf(name)}.`;
    throw new SettingError(name, `The setting "${name}" has no value. ${places}`);
  }

  /** @param {string} name */
  flag(name) {
    return /^(?:1|true)$/i.test(this.get(name, ''));
  }

  /**
   * @param {string} name
   * @param {number} [fallback]
   * @returns {any} a number when there is a fallback
   */
  number(name, fallback) {
    const text = this.get(name);
    if (text === undefined) return fallback;
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value)) return value;
    throw new SettingError(name, `The setting "${name}" should be a number.`);
  }

  /** @param {string} name */
  list(name) {
    return this.get(name)?.split(',') ?? [];
  }

  /** @param {string} field */
  auth(field) {
    return this.get(`pup-auth-${field}`);
  }

  /**
   * @param {string} header
   * @param {string} field
   */
  secret(header, field) {
    return this.get(`${header.replaceAll('::', '-')}-${field}`);
  }
}

/** @param {string} name of an option */
const variableOf = (name) =>
  name.replace(/[a-z]/g, (letter) => letter.toUpperCase()).replace(/[^A-Z0-9_]/g, '_');
