import { Component, type ComponentType, h } from 'preact';
import { isShallowEqual } from './store.ts';

/** A component that is drawn again only when one of its props is another value. */
export function memo<Props extends object>(Inner: ComponentType<Props>): ComponentType<Props> {
  return class Memo extends Component<Props> {
    override shouldComponentUpdate(next: Props): boolean {
      return !isShallowEqual<object>(next, this.props);
    }
    override render() {
      return h(Inner, this.props);
    }
  };
}
