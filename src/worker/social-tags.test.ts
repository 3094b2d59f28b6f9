import { describe, expect, it } from 'vitest';
import { SITE_PREVIEW, sessionPreview, sitePreview, socialTags, withSocialTags } from './social-tags.ts';

const ORIGIN = 'https://jam.example';
const ID = '11111111-2222-4333-8444-555555555555';
const session = (over: Partial<Parameters<typeof sessionPreview>[0]> = {}) =>
  sessionPreview({ id: ID, title: 'Night', hostName: 'Ana', participantCount: 3, ...over }, ORIGIN);
const page = `<head>\n    ${socialTags(SITE_PREVIEW)}\n  </head>`;

describe('what is shown of a session', () => {
  it('is who plays, and how many are there', () => {
    expect(session().title).toBe('Ana is jamming: 3 here');
    expect(session({ hostName: null, participantCount: 1 }).title).toBe('A jam is on: 1 here');
    expect(session({ participantCount: 0 }).title).toBe('A jam of Ana’s on Backbeat');
    expect(session({ hostName: null, participantCount: 0 }).title).toBe('A jam on Backbeat');
  });

  it('has its title, unless it was given none', () => {
    expect(session().description).toMatch(/^“Night”\. Live-coding/);
    expect(session({ title: 'Untitled session' }).description).toMatch(/^Live-coding/);
  });

  it('has absolute addresses', () => {
    expect(session()).toMatchObject({ url: `${ORIGIN}/s/${ID}`, image: `${ORIGIN}/social.png` });
    expect(sitePreview(ORIGIN)).toMatchObject({ url: null, image: `${ORIGIN}/social.png` });
  });
});

describe('the tags in a page', () => {
  it('take the place of the site’s, all of them', () => {
    const html = withSocialTags(page, session());
    expect(html).toContain('<title>Ana is jamming: 3 here</title>');
    expect(html).toContain('<meta property="og:title" content="Ana is jamming: 3 here" />');
    expect(html.match(/<title>/g)).toHaveLength(1);
    expect(html.match(/og:title/g)).toHaveLength(1);
    expect(html).toMatch(/^<head>\n.*<\/head>$/s);
  });

  it('are text whatever a title or a name says', () => {
    const evil = `"><script>alert('$&')</script>&`;
    const html = withSocialTags(page, session({ title: evil, hostName: evil }));
    expect(html).not.toContain('<script');
    expect(html).toContain('&quot;&gt;&lt;script&gt;alert(&#39;$&amp;&#39;)&lt;/script&gt;&amp;');
  });

  it('may be there already, of wherever the site is', () => {
    const served = page.replace(socialTags(SITE_PREVIEW), () => socialTags(sitePreview(ORIGIN)));
    expect(withSocialTags(served, session())).toBe(withSocialTags(page, session()));
    expect(withSocialTags(page, SITE_PREVIEW)).toBe(page);
  });

  it('leave a page without them as it is', () => {
    expect(withSocialTags('<title>Other</title>', session())).toBe('<title>Other</title>');
  });
});
