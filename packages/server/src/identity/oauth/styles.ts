/** The look of the sign-in pages. Its hash stands in their content security policy. */
export const styles = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f4f5f7, #0f1318);
  --card: light-dark(#ffffff, #181e25);
  --edge: light-dark(#d5dae1, #313b47);
  --field: light-dark(#ffffff, #0f1318);
  --field-edge: light-dark(#78838f, #7d8997);
  --text: light-dark(#17202a, #eef2f6);
  --quiet: light-dark(#505c69, #aab5c1);
  --accent: light-dark(#0b5cab, #7cb8f7);
  --on-accent: light-dark(#ffffff, #0b1a2a);
  --wrong: light-dark(#b3261e, #ff9d94);
  --wrong-ground: light-dark(#fdeeec, #33191a);
}
* { box-sizing: border-box; }
html { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
body {
  margin: 0; min-height: 100vh; min-height: 100dvh; display: flex; flex-direction: column; align-items: center;
  justify-content: center; gap: 1.5rem; padding: 1.5rem 1rem; background: var(--ground); color: var(--text);
}
header { display: flex; align-items: center; gap: .625rem; font-weight: 650; font-size: 1.125rem; letter-spacing: -.01em; }
header svg { width: 1.75rem; height: 1.75rem; color: var(--accent); }
main {
  width: 100%; max-width: 26rem; padding: 2rem; background: var(--card); border: 1px solid var(--edge);
  border-radius: .75rem; box-shadow: 0 1px 2px rgb(0 0 0 / .04), 0 8px 24px rgb(0 0 0 / .06);
}
h1 { margin: 0; font-size: 1.375rem; line-height: 1.3; letter-spacing: -.015em; overflow-wrap: anywhere; }
h1 + p { margin: .375rem 0 0; }
p { margin: .75rem 0 0; color: var(--quiet); overflow-wrap: anywhere; }
p strong { color: var(--text); font-weight: 600; }
form { margin: 1.5rem 0 0; }
form + form { margin-top: .625rem; }
label { display: block; margin: 1rem 0 .375rem; font-weight: 550; font-size: .9375rem; }
form > label:first-of-type { margin-top: 0; }
input:not([type=hidden]) {
  width: 100%; min-height: 2.75rem; padding: .5rem .75rem; font: inherit; color: var(--text); background: var(--field);
  border: 1px solid var(--field-edge); border-radius: .5rem;
}
input.code { font: 600 1.25rem/1.2 ui-monospace, "SF Mono", Menlo, monospace; letter-spacing: .12em; text-transform: uppercase; }
input[aria-invalid=true] { border-color: var(--wrong); }
button {
  width: 100%; min-height: 2.75rem; margin-top: 1.5rem; padding: .5rem 1rem; font: inherit; font-weight: 600;
  color: var(--on-accent); background: var(--accent); border: 1px solid transparent; border-radius: .5rem; cursor: pointer;
}
button:hover { filter: brightness(1.08); }
a.button {
  display: flex; align-items: center; justify-content: center; min-height: 2.75rem; margin-top: .625rem; padding: .5rem 1rem;
  font-weight: 600; text-align: center; text-decoration: none; overflow-wrap: anywhere; color: var(--accent);
  border: 1px solid var(--accent); border-radius: .5rem;
}
button.quiet { margin-top: .625rem; color: var(--text); background: transparent; border-color: var(--field-edge); }
form > button:first-child, input[type=hidden] + button { margin-top: 0; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.wrong {
  margin: 1.25rem 0 0; padding: .625rem .75rem; color: var(--wrong); background: var(--wrong-ground);
  border-radius: .5rem; font-size: .9375rem;
}
.hint { margin: .375rem 0 0; font-size: .875rem; }
.shown { margin: 1.25rem 0 0; font: 650 1.75rem/1.2 ui-monospace, "SF Mono", Menlo, monospace; letter-spacing: .1em; color: var(--text); text-align: center; }
ul { margin: 1.25rem 0 0; padding: 0; list-style: none; border: 1px solid var(--edge); border-radius: .5rem; }
li { padding: .625rem .75rem; }
li + li { border-top: 1px solid var(--edge); }
li span { display: block; color: var(--quiet); font-size: .875rem; }
footer { color: var(--quiet); font-size: .875rem; }
@media (max-width: 30rem) {
  body { justify-content: flex-start; padding-top: 2.5rem; }
  main { padding: 1.5rem 1.25rem; }
}
`;
