/**
 * What is shown of a page where its address is pasted: its title, a description and a picture, as `og:` and
 * `twitter:` tags. The build writes those of the site into the page; the Worker puts those of a public
 * session in their place.
 */
import { DEFAULT_TITLE } from '../domain/types.ts';

export interface SocialPreview {
  title: string;
  description: string;
  /** Of the page; null: where it is isn't known, and is left out. */
  url: string | null;
  /** Where the picture is: absolute where that is known, as some readers of the tags take nothing else. */
  image: string;
}

/** The picture's path on the site, and its size. */
export const SOCIAL_IMAGE = { path: '/social.png', width: 1200, height: 630 } as const;

const SITE_NAME = 'Backbeat';
const SITE_DESCRIPTION =
  'Live-coding jam sessions in the browser: type music together, hear it together, and lose nothing.';
const IMAGE_ALT = 'The name Backbeat beside four bars of a beat, and a line of code that plays them';

/** Of the site, wherever it is. */
export const SITE_PREVIEW: SocialPreview = {
  title: SITE_NAME,
  description: SITE_DESCRIPTION,
  url: null,
  image: SOCIAL_IMAGE.path,
};

/** The title and the tags of a page's head. */
export function socialTags({ title, description, url, image }: SocialPreview): string {
  const tag = (kind: 'property' | 'name', name: string, content: string) =>
    `<meta ${kind}="${name}" content="${escapeHtml(content)}" />`;
  return [
    `<title>${escapeHtml(title)}</title>`,
    tag('name', 'description', description),
    tag('property', 'og:type', 'website'),
    tag('property', 'og:site_name', SITE_NAME),
    tag('property', 'og:title', title),
    tag('property', 'og:description', description),
    ...(url === null ? [] : [tag('property', 'og:url', url)]),
    tag('property', 'og:image', image),
    tag('property', 'og:image:width', String(SOCIAL_IMAGE.width)),
    tag('property', 'og:image:height', String(SOCIAL_IMAGE.height)),
    tag('property', 'og:image:alt', IMAGE_ALT),
    tag('name', 'twitter:card', 'summary_large_image'),
    tag('name', 'twitter:title', title),
    tag('name', 'twitter:description', description),
    tag('name', 'twitter:image', image),
  ].join('\n    ');
}

/** From the first of {@link socialTags} to the last. */
const TAGS = /<title>.*?<meta name="twitter:image"[^>]*>/s;

/** The page with these tags in the place of those that it has. A page without any stays as it is. */
export function withSocialTags(html: string, preview: SocialPreview): string {
  // A function, as `$` in a text would be a pattern.
  return html.replace(TAGS, () => socialTags(preview));
}

/** Of the site, where its address is known. */
export function sitePreview(origin: string): SocialPreview {
  return { ...SITE_PREVIEW, image: origin + SOCIAL_IMAGE.path };
}

/** Of a session that is on the public list. */
export function sessionPreview(
  session: { id: string; title: string; hostName: string | null; participantCount: number },
  origin: string,
): SocialPreview {
  const { id, title, hostName, participantCount: count } = session;
  const hasTitle = title !== DEFAULT_TITLE && title.trim() !== '';
  const quiet = hostName === null ? `A jam on ${SITE_NAME}` : `A jam of ${hostName}’s on ${SITE_NAME}`;
  const busy = `${hostName ?? 'A jam'} is ${hostName === null ? 'on' : 'jamming'}: ${count} here`;
  return {
    ...sitePreview(origin),
    title: count > 0 ? busy : quiet,
    description: hasTitle ? `“${title}”. ${SITE_DESCRIPTION}` : SITE_DESCRIPTION,
    url: `${origin}/s/${id}`,
  };
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
}
