// A plugin of typedoc: leaves out of the API what no user calls, or has read a section above.
import { Application, Converter, ReflectionFlag, ReflectionKind } from 'typedoc';

/** Members that only callnext itself calls. */
const own = new Map([
  ['BackgroundTasks', 'constructor waiting adopt namesIn joinTo take drop cutShort close runAll'],
  ['CallnextError', 'constructor isOne'],
  ['ClientDisconnect', 'constructor'],
  ['CookieJar', 'constructor take header'],
  ['Headers', 'lines'],
  ['InjectedResponse', 'constructor mergeInto fillInto'],
]);
/** The adapters' views of the frameworks' objects: the frameworks document those. */
const views = new Set(['ExpressApp', 'ExpressReq', 'ExpressRes', 'KoaContext']);

export function load(app) {
  // As the entry exports them.
  app.on(Application.EVENT_BOOTSTRAP_END, () => app.options.setValue('sort', []));
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const member of project.getReflectionsByKind(ReflectionKind.ClassMember))
      if (isHidden(member) || isShownAbove(member)) project.removeReflection(member);
  });
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    for (const reflection of project.getReflectionsByKind(ReflectionKind.All)) simplify(reflection);
  });
}

/** Members under a symbol are for callnext itself, except those that the language calls. */
function isHidden({ name, parent }) {
  const isSymbol = /^\[(?!asyncDispose|dispose|iterator|asyncIterator)/.test(name);
  return isSymbol || views.has(parent?.name) || own.get(parent?.name)?.split(' ').includes(name);
}

/** What a class inherits from another one that has a section of its own. */
function isShownAbove({ inheritedFrom, parent }) {
  return inheritedFrom !== undefined && parent.extendedTypes?.some(type => type.reflection !== undefined);
}

function simplify(reflection) {
  reflection.inheritedFrom = undefined;
  reflection.overwrites = undefined;
  reflection.implementationOf = undefined;
  if (reflection.kind === ReflectionKind.Accessor) becomeProperty(reflection);
  if (reflection.parent?.kind === ReflectionKind.Interface)
    reflection.setFlag(ReflectionFlag.Readonly, false);
}

/** An accessor reads like a property: one type and one comment. */
function becomeProperty(accessor) {
  const { getSignature, setSignature } = accessor;
  accessor.kind = ReflectionKind.Property;
  accessor.type = getSignature?.type ?? setSignature?.parameters?.[0]?.type;
  accessor.comment = getSignature?.comment ?? setSignature?.comment;
  accessor.setFlag(ReflectionFlag.Readonly, setSignature === undefined);
  accessor.getSignature = undefined;
  accessor.setSignature = undefined;
}
