/**
 * Makes a CommonJS bundle load other packages when it first calls them: an app that serves no files does not
 * wait for the packages that this needs. Lines keep their numbers. Throws if nothing calls a package.
 */
export function loadLate(code) {
  const requires = [...code.matchAll(/^let (\w+) = require\("([^."][^"]*)"\);$/gm)];
  return requires.filter(([, , id]) => !id.startsWith('node:')).reduce(loadOneLate, code);
}

function loadOneLate(code, [line, name, id]) {
  const required = `require("${id}")`;
  const wrap = module => `require_rolldown_runtime.__toESM(${module}, 1)`;
  const wrapping = `${name} = ${wrap(name)};`;
  const loaded = code.includes(wrapping) ? wrap(required) : required;
  const [before, ...calls] = code.replace(wrapping, '').split(`(0, ${name}.`);
  if (calls.length === 0) throw new Error(`Nothing calls the package ${id}, which is required.`);
  return [before, ...calls]
    .join(`(0, load_${name}().`)
    .replace(line, `let ${name}; const load_${name} = () => ${name} ??= ${loaded};`);
}
