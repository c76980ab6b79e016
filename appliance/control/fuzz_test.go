package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
)

// FuzzAnswer has a service say anything. Whoever asked gets results that are JSON, then an end or an error,
// and has never waited for more than was said.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		`{"result":1}` + "\n", `{"result":{"a":[1]}}` + "\n" + `{"result":2}` + "\n", `{"error":"no"}` + "\n", "{}\n", "null\n", "\n",
		`{"result":1}` + "\n" + `{"error":"gone"}` + "\n" + `{"result":2}` + "\n", `{"result":`, "\x00\n", `{"result":1}`, "",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		client, server := net.Pipe()
		defer client.Close()
		go func() {
			defer server.Close()
			if _, err := bufio.NewReader(server).ReadBytes('\n'); err != nil {
				t.Error(err)
			}
			server.Write(said) // fails when enough was heard
		}()
		n := 0
		err := converse(t.Context(), client, "dhcp", "status", nil, func(raw json.RawMessage) error {
			n++
			if len(raw) > 0 && !json.Valid(raw) {
				t.Errorf("%q is no JSON", raw)
			}
			return nil
		})
		var remote *RemoteError
		lines := strings.Count(string(said), "\n") + 1
		if n > lines || errors.As(err, &remote) && remote.Message == "" {
			t.Errorf("%q: %d results, %v", said, n, err)
		}
		if err == nil && len(said) > 0 && n == 0 && strings.Trim(string(said), "\r\n") != "" {
			t.Errorf("%q is no result and no error", said)
		}
	})
}
