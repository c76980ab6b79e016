package model

import (
	"encoding/json"
	"testing"
)

func TestMAC(t *testing.T) {
	for text, want := range map[string]string{
		"00:16:3e:20:00:11": "00:16:3e:20:00:11",
		"0:16:3E:20:0:1":    "00:16:3e:20:00:01",
		"AB:cd:EF:0:0:0":    "ab:cd:ef:00:00:00",
	} {
		var m MAC
		if err := m.UnmarshalText([]byte(text)); err != nil || m.String() != want {
			t.Errorf("%q is %s, %v; want %s", text, m, err, want)
		}
	}
	for _, text := range []string{
		"", ":", "0:0:0:0:0", "0:0:0:0:0:0:0", "0:0:0:0:0:", ":0:0:0:0:0", "0::0:0:0:0", "000:0:0:0:0:0",
		"0:0:0:0:0:g", "00-16-3e-20-00-11", "0016.3e20.0011", "0:0:0:0:0:0 ", "+1:0:0:0:0:0",
	} {
		var m MAC
		if err := m.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is accepted as %s", text, m)
		}
	}
}

func TestMACInJSON(t *testing.T) {
	want := map[MAC]MAC{{0, 0x16, 0x3e, 1, 2, 3}: {0xff}}
	text, err := json.Marshal(want)
	if err != nil || string(text) != `{"00:16:3e:01:02:03":"ff:00:00:00:00:00"}` {
		t.Fatalf("%s, %v", text, err)
	}
	var got map[MAC]MAC
	if err := json.Unmarshal(text, &got); err != nil || got[MAC{0, 0x16, 0x3e, 1, 2, 3}] != (MAC{0xff}) {
		t.Errorf("%v, %v", got, err)
	}
}

func FuzzMAC(f *testing.F) {
	f.Add("0:16:3E:20:0:1")
	f.Fuzz(func(t *testing.T, text string) {
		var m, again MAC
		if m.UnmarshalText([]byte(text)) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(m.String())); err != nil || again != m {
			t.Errorf("%q is %s, which is %s, %v", text, m, again, err)
		}
	})
}
