/** The picture of an account; the first letter of its name where there is none, or it can't be shown. */
import { useState } from 'preact/hooks';
import { Avatar } from '../ui/avatar.tsx';

/** The page's policy lets in pictures of the providers alone: an image's address could tell others much. */
const PICTURE_HOSTS = /^(avatars\.githubusercontent\.com|[\w-]+\.googleusercontent\.com)$/;

export function isShown(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  return protocol === 'https:' && PICTURE_HOSTS.test(hostname);
}

interface AccountPictureProps {
  label: string;
  address: string | undefined;
  alt: string;
  testId: string;
  onBroken?(address: string): void;
}

export function AccountPicture({ label, address, alt, testId, onBroken }: AccountPictureProps) {
  /** The picture that couldn't be loaded. */
  const [broken, setBroken] = useState<string | null>(null);
  if (address === undefined || !isShown(address) || address === broken) {
    return <Avatar name={label} color={0} />;
  }
  return (
    <img
      class="account-picture"
      src={address}
      alt={alt}
      width="56"
      height="56"
      referrerpolicy="no-referrer"
      data-testid={testId}
      onError={() => {
        setBroken(address);
        onBroken?.(address);
      }}
    />
  );
}
