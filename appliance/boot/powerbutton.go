package boot

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// An inputEvent is struct input_event of linux/input.h on a 64-bit machine.
type inputEvent struct {
	Seconds, Micros int64
	Type, Code      uint16
	Value           int32
}

const (
	eventKey = 1   // EV_KEY, linux/input-event-codes.h
	keyPower = 116 // KEY_POWER
	pressed  = 1   // 0 is released, 2 repeated
)

// WatchPowerButton calls press each time somebody presses the machine's (ACPI)
// power button: in QEMU system_powerdown, in other hypervisors "shut down". It
// returns when ctx ends, at once and without error where there is no button, as
// under Xen. It must not be called before /sys is mounted.
func WatchPowerButton(ctx context.Context, press func()) error {
	button, err := openPowerButton(os.DirFS("/sys/class/input"), "/dev/input")
	if err != nil || button == nil {
		return err
	}
	defer button.Close()
	defer context.AfterFunc(ctx, func() { button.Close() })()
	err = readPresses(button, press)
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("the power button is no longer heard: %w", err)
}

// openPowerButton opens the input device of that name; nil if there is none.
func openPowerButton(class fs.FS, devices string) (*os.File, error) {
	entries, err := fs.ReadDir(class, ".")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a kernel without input devices
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name, err := fs.ReadFile(class, e.Name()+"/device/name")
		if err == nil && strings.TrimSpace(string(name)) == "Power Button" && strings.HasPrefix(e.Name(), "event") {
			return os.Open(filepath.Join(devices, e.Name()))
		}
	}
	return nil, nil
}

// readPresses reads events until r fails.
func readPresses(r io.Reader, press func()) error {
	for {
		var e inputEvent
		if err := binary.Read(r, binary.NativeEndian, &e); err != nil {
			return err
		}
		if e.Type == eventKey && e.Code == keyPower && e.Value == pressed {
			press()
		}
	}
}
