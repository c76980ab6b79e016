package vmtest

import (
	"bufio"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// fakeQEMU greets, and answers each command by what the map has for it.
func fakeQEMU(t *testing.T, answers map[string]string) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "qmp")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintln(conn, `{"QMP": {"version": {}, "capabilities": []}}`)
		for in := bufio.NewScanner(conn); in.Scan(); {
			for command, answer := range answers {
				if strings.Contains(in.Text(), `"`+command+`"`) {
					fmt.Fprintln(conn, answer)
				}
			}
		}
	}()
	return socket
}

func TestQMP(t *testing.T) {
	socket := fakeQEMU(t, map[string]string{
		"qmp_capabilities": `{"return": {}}`,
		"system_powerdown": `{"event": "POWERDOWN", "timestamp": {"seconds": 1, "microseconds": 2}}` + "\n" + `{"return": {}}`,
		"send-key":         `{"error": {"class": "GenericError", "desc": "Invalid parameter 'dele'"}}`,
	})
	q, err := dialQMP(t.Context(), socket, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer q.close()
	if err := q.execute(t.Context(), "system_powerdown", nil); err != nil {
		t.Errorf("an event before the answer: %v", err)
	}
	err = q.execute(t.Context(), "send-key", map[string]any{"keys": []string{"dele"}})
	if err == nil || !strings.Contains(err.Error(), "QMP send-key: Invalid parameter 'dele'") {
		t.Errorf("a refused command: %v", err)
	}
}

func TestQMPOfAQEMUThatEnded(t *testing.T) {
	gone := make(chan struct{})
	close(gone)
	if _, err := dialQMP(t.Context(), filepath.Join(t.TempDir(), "none"), gone); err == nil {
		t.Error("connected to nothing")
	}
}
