// @ts-nocheck
import { isPlainObject } from '../../client/plain-object.js';
import type { ChatFunctionDefinition, ChatParams, ChatToolChoice } from '../../wire/index.js';
import { chosenTool, given, namesOf, type Objections } from '../translation.js';

interface ToolParams {
  /** Gemini's own tools are objects without a `type`, such as `{ googleSearch: {} }`. */
  tools: unknown[];
  functionCallingConfig: Record<string, unknown> | undefined;
}

/** The tools that the params give, and how the model is to use them. */
export function toTools(params: ChatParams, objections: Objections): ToolParams {
  const { tools = [], functions = [], web_search_options: search } = params;
  const own: unknown[] = [];
  let definitions: ChatFunctionDefinition[] = [...functions];
  for (const tool of tools) {
    const { type } = tool as { type?: unknown };
    if (tool.type === 'function') definitions.push(tool.function);
    else if (type === undefined && isPlainObject(tool)) own.push(tool);
    else throw objections.refuse(`tools of the type '${String(type)}'`);
  }
  if (params.parallel_tool_calls === false) {
    objections.drop('parallel_tool_calls', 'Gemini may always call several tools in one answer.');
  }
  if (search) {
    for (const field of Object.keys(given({ ...search })))
      objections.drop(`web_search_options.${field}`, 'Google Search takes no such option.');
    own.push({ googleSearch: {} });
  }
  const choice = chosenTool(params);
  const config = choice === undefined ? undefined : toConfig(choice, objections);
  if (typeof choice === 'object' && choice.type === 'allowed_tools' && choice.allowed_tools.mode === 'auto') {
    const allowed = namesOf(choice.allowed_tools.tools);
    definitions = definitions.filter(({ name }) => allowed.includes(name));
  }
  const functionDeclarations = definitions.map((definition) => toDeclaration(definition, objections));
  return {
    tools: [...(functionDeclarations.length > 0 ? [{ functionDeclarations }] : []), ...own],
    functionCallingConfig: config,
  };
}

function toDeclaration(
  { name, description, parameters, strict, ...others }: ChatFunctionDefinition,
  { drop }: Objections,
): Record<string, unknown> {
  if (strict) {
    drop(
      'tools[].function.strict',
      "Gemini keeps to schemas by `toolConfig.functionCallingConfig.mode: 'VALIDATED'`.",
    );
  }
  return given({ name, description, parametersJsonSchema: parameters, ...others });
}

function toConfig(choice: ChatToolChoice, { refuse }: Objections): Record<string, unknown> {
  if (choice === 'none' || choice === 'auto') return { mode: choice.toUpperCase() };
  if (choice === 'required') return { mode: 'ANY' };
  if (choice.type === 'function') return { mode: 'ANY', allowedFunctionNames: [choice.function.name] };
  if (choice.type !== 'allowed_tools') throw refuse(`\`tool_choice\` of the type '${choice.type}'`);
  const { mode, tools } = choice.allowed_tools;
  // Without ANY, names are not heeded: then only these tools are sent.
  return mode === 'auto' ? { mode: 'AUTO' } : { mode: 'ANY', allowedFunctionNames: namesOf(tools) };
}
