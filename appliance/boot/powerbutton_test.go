package boot

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

func TestPowerButtonIsFoundByName(t *testing.T) {
	class := fstest.MapFS{
		"event0/device/name": {Data: []byte("AT Translated Set 2 keyboard\n")},
		"event1/device/name": {Data: []byte("Power Button\n")},
		"input1/device/name": {Data: []byte("Power Button\n")},
	}
	devices := t.TempDir()
	if err := os.WriteFile(filepath.Join(devices, "event1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := openPowerButton(class, devices)
	if err != nil || f == nil || filepath.Base(f.Name()) != "event1" {
		t.Fatalf("opened %v, %v", f, err)
	}
	f.Close()
	for name, none := range map[string]fstest.MapFS{"no button": {"event0/device/name": {Data: []byte("a mouse\n")}}, "no input": {}} {
		if f, err := openPowerButton(none, devices); f != nil || err != nil {
			t.Errorf("%s: %v, %v", name, f, err)
		}
	}
}

// Only the press counts: not the release, not another key, and half an event is
// the end.
func TestReadPresses(t *testing.T) {
	var events bytes.Buffer
	for _, e := range []inputEvent{
		{Type: eventKey, Code: keyPower, Value: 1}, {}, {Type: eventKey, Code: keyPower, Value: 0},
		{Type: eventKey, Code: 30, Value: 1}, {Type: 4, Code: keyPower, Value: 1}, {Type: eventKey, Code: keyPower, Value: 1},
	} {
		if err := binary.Write(&events, binary.NativeEndian, e); err != nil {
			t.Fatal(err)
		}
	}
	events.WriteString("half")
	n := 0
	if err := readPresses(&events, func() { n++ }); !errors.Is(err, io.ErrUnexpectedEOF) || n != 2 {
		t.Errorf("%d presses, %v; want 2 and the end", n, err)
	}
}
