import type { ChatParams, WebSearchOptions } from '../../wire/index.js';
import { isTelling, type Objections } from '../translation.js';
import { isObject, telling, without, type Fields } from './blocks.js';

/** The fields of a request that are about tools. */
export interface ToolFields {
  readonly tools?: readonly Fields[];
  readonly tool_choice?: Fields;
}

/** Translates tools, and which of them the model is to use. Tools in Anthropic's form are sent as they are. */
export function toTools(params: ChatParams, objections: Objections): ToolFields {
  const choice = params.tool_choice ?? olderChoice(params.function_call);
  const allowed = allowedNames(choice);
  const given = [
    ...(params.tools ?? []).map((tool) => toTool(tool as unknown as Fields, objections)),
    ...(params.functions ?? []).map((definition) => toTool({ function: definition }, objections)),
  ];
  const tools = [
    ...given.filter(({ name }) => !allowed || allowed.has(name)),
    ...(params.web_search_options ? [webSearch(params.web_search_options, objections)] : []),
  ];
  const chosen = toChoice(choice, objections);
  const toolChoice =
    params.parallel_tool_calls === false && tools.length > 0 && chosen?.['type'] !== 'none'
      ? { type: 'auto', ...chosen, disable_parallel_tool_use: true }
      : chosen;
  return { ...(tools.length > 0 && { tools }), ...(toolChoice && { tool_choice: toolChoice }) };
}

function toTool(tool: Fields, objections: Objections): Fields {
  if (tool['type'] === 'custom' && isObject(tool['custom'])) throw objections.refuse('custom tools');
  const definition = tool['function'];
  if (!isObject(definition)) return tool;
  const { parameters, strict, ...named } = definition;
  return {
    ...named,
    input_schema: { type: 'object', ...(isObject(parameters) ? parameters : { properties: {} }) },
    ...(strict === true && { strict }),
    ...without(tool, ['type', 'function']),
  };
}

function webSearch(options: WebSearchOptions, objections: Objections): Fields {
  const { search_context_size: size, user_location: location } = options;
  if (isTelling(size)) {
    objections.drop(
      'web_search_options.search_context_size',
      'Anthropic bounds a search by `max_uses` of its tool.',
    );
  }
  return {
    type: 'web_search_20250305',
    name: 'web_search',
    ...(location && { user_location: { type: 'approximate', ...telling(location.approximate) } }),
  };
}

function toChoice(choice: unknown, objections: Objections): Fields | undefined {
  if (choice === 'none' || choice === 'auto') return { type: choice };
  if (choice === 'required') return { type: 'any' };
  if (!isObject(choice)) return undefined;
  const { type, function: named, allowed_tools: allowed } = choice;
  if (type === 'custom') throw objections.refuse('custom tools');
  if (isObject(allowed)) return { type: allowed['mode'] === 'required' ? 'any' : 'auto' };
  // Anthropic's own form has no such field.
  return isObject(named) ? { type: 'tool', name: named['name'] } : choice;
}

/** Anthropic cannot choose among some of the tools: the others are not sent. */
function allowedNames(choice: unknown): Set<unknown> | undefined {
  const { allowed_tools: allowed } = isObject(choice) ? choice : {};
  if (!isObject(allowed) || !Array.isArray(allowed['tools'])) return undefined;
  return new Set(
    allowed['tools'].filter(isObject).map((tool) => {
      const named = tool['function'];
      return isObject(named) ? named['name'] : tool['name'];
    }),
  );
}

function olderChoice(choice: ChatParams['function_call']): unknown {
  return isObject(choice) ? { type: 'function', function: choice } : choice;
}
