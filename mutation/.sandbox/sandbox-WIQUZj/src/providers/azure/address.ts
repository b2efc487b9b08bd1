/** What is said of where the API is. */
// @ts-nocheck

export interface AddressParts {
  /** The whole address, up to the paths of the API. */
  readonly baseURL: string | undefined;
  /** The address of the resource. */
  readonly endpoint: string | undefined;
  readonly apiVersion: string | undefined;
  /** The version of the environment: it gives way to an address that shows another kind of API. */
  readonly usualVersion: string | undefined;
}

/** Where the API is, and how it is spoken to. */
export interface Address {
  readonly baseURL: string;
  /** The query parameter `api-version`; v1 needs none. */
  readonly version: string | undefined;
  /** Whether a path begins with the name of a deployment. */
  readonly namesDeployments: boolean;
}

const DATED = /^\d{4}-\d{2}-\d{2}/;

/** @throws TypeError where there is no address, or one that the version does not go with. */
export function resolveAddress(parts: AddressParts, className: string): Address {
  const { baseURL, endpoint, apiVersion, usualVersion } = parts;
  const given = baseURL ?? endpoint;
  if (given === undefined) {
    throw new TypeError(
      `new ${className}(): \`endpoint\` is missing: give the address of your resource, such as 'https://my-resource.openai.azure.com', or set the environment variable AZURE_OPENAI_ENDPOINT.`,
    );
  }
  // What is no text is refused with the other options.
  if (typeof given !== 'string') return { baseURL: given, version: undefined, namesDeployments: false };
  const trimmed = given.replace(/\/+$/, '');
  const isV1 = trimmed.endsWith('/v1');
  if (isV1 && apiVersion !== undefined && DATED.test(apiVersion)) {
    throw new TypeError(
      `new ${className}(): the address ends with /v1, which has no dated versions, and \`apiVersion\` is '${apiVersion}': leave one of them out.`,
    );
  }
  const version = apiVersion ?? (isV1 && DATED.test(usualVersion ?? '') ? undefined : usualVersion);
  const isDated = version !== undefined && DATED.test(version);
  if (baseURL !== undefined) {
    return { baseURL: trimmed, version, namesDeployments: isDated && !trimmed.includes('/deployments/') };
  }
  // The portal shows the address of the resource in several lengths.
  const resource = trimmed.replace(/\/openai(?:\/v1)?$/, '');
  return { baseURL: `${resource}/openai${isDated ? '' : '/v1'}`, version, namesDeployments: isDated };
}
