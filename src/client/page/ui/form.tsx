/** Forms: fields with labels, and what went wrong with what was sent. */
import type { ComponentChildren, JSX, Ref } from 'preact';
import { useDraft } from './drafts.ts';
import { type Action, useAction } from './use-action.ts';

interface LabelledProps {
  /** Of the control below it. */
  for: string;
  label: string;
  children: ComponentChildren;
}

/** A form control below its label. */
export function Labelled({ for: id, label, children }: LabelledProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
    </div>
  );
}

type InputProps = JSX.IntrinsicElements['input'];

type FieldProps = InputProps & {
  id: string;
  label: string;
  /** Of the input itself. */
  inputRef?: Ref<HTMLInputElement>;
};

/** A labelled text field. */
export function Field({ label, inputRef, ...props }: FieldProps) {
  return (
    <Labelled for={props.id} label={label}>
      <input type="text" autocomplete="off" ref={inputRef ?? null} {...props} />
    </Labelled>
  );
}

interface SwitchProps {
  label: string;
  hint: string;
  testId: string;
  name?: string;
  /** As it is; without it the switch keeps its own state, from `isOnAtFirst`. */
  isOn?: boolean;
  isOnAtFirst?: boolean;
  isDisabled?: boolean;
  onSwitch?(isOn: boolean): void;
}

/** A switch with a word and an explanation. */
export function Switch({ label, hint, testId, name, isOn, isOnAtFirst, isDisabled, onSwitch }: SwitchProps) {
  return (
    <label class="switch">
      <input
        type="checkbox"
        role="switch"
        name={name}
        {...(isOn === undefined ? { defaultChecked: isOnAtFirst } : { checked: isOn })}
        disabled={isDisabled}
        data-testid={testId}
        onChange={(event) => onSwitch?.(event.currentTarget.checked)}
      />
      <span class="switch-text">
        <strong>{label}</strong>
        <span class="dim">{hint}</span>
      </span>
    </label>
  );
}

/** What went wrong; nothing takes no room. */
export function Problem({ children, testId }: { children: string; testId?: string }) {
  return (
    <p class="problem" role="alert" data-testid={testId}>
      {children}
    </p>
  );
}

interface FormProps {
  class?: string;
  labelledBy?: string;
  /** What its button says. */
  action: string;
  submitTestId: string;
  /** The button stands beside the fields instead of below them. */
  isInline?: boolean;
  /** What it does can't be undone. */
  isDangerous?: boolean;
  /**
   * Names what is typed into its text fields: a reload doesn't lose it. Sending it does, and so does closing
   * the form.
   */
  draft?: string;
  /** What it throws is shown; meanwhile the form can't be sent again. */
  submit(fields: FormData): Promise<void>;
  children: ComponentChildren;
}

/** A form with its button. Fields are read by their names. */
export function Form({ children, submit, draft, ...props }: FormProps) {
  const { isBusy, isSlow, problem, act } = useAction();
  const { form, sent } = useDraft(draft, true);
  const button = (
    <button
      type="submit"
      class={props.isDangerous ? 'danger' : props.isInline ? '' : 'primary'}
      disabled={isBusy}
      aria-busy={isBusy}
      data-testid={props.submitTestId}
    >
      {props.action}
    </button>
  );
  return (
    <form
      {...form}
      class={props.class ?? 'stack'}
      aria-labelledby={props.labelledBy}
      onSubmit={(event) => {
        event.preventDefault();
        const fields = new FormData(event.currentTarget);
        void act(() => submit(fields).then(sent));
      }}
    >
      {props.isInline ? (
        <div class="field-action">
          {children}
          {button}
        </div>
      ) : (
        children
      )}
      <Problem testId="form-problem">{problem}</Problem>
      <p class="dim" role="status" hidden={!isBusy} data-testid="form-progress">
        {isSlow
          ? 'The server takes long to answer: it, its storage or your network may be in trouble. It is still being tried.'
          : 'Just a moment…'}
      </p>
      {!props.isInline && button}
    </form>
  );
}

/** A form's field as text, without blanks around it. */
export function textOf(fields: FormData, name: string): string {
  const value = fields.get(name);
  return typeof value === 'string' ? value.trim() : '';
}

interface ActionButtonProps {
  action: Action;
  run(): Promise<void>;
  class?: string;
  testId?: string;
  label?: string;
  children: ComponentChildren;
}

/** A button that is disabled while what it does is under way. */
export function ActionButton({ action, run, testId, label, children, ...props }: ActionButtonProps) {
  return (
    <button
      type="button"
      {...props}
      disabled={action.isBusy}
      data-testid={testId}
      aria-label={label}
      onClick={() => void action.act(run)}
    >
      {children}
    </button>
  );
}
