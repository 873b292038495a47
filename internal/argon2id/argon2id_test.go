package argon2id

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"sync"
	"testing"

	"golang.org/x/crypto/argon2"
)

func TestKeysAreTheRFCs(t *testing.T) {
	// RFC 9106, 5.3: the only vector with a secret and data.
	in := inputs{
		password: bytes.Repeat([]byte{1}, 32), salt: bytes.Repeat([]byte{2}, 16), secret: bytes.Repeat([]byte{3}, 8), data: bytes.Repeat([]byte{4}, 12),
	}
	const want = "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
	got := new(memory).derive(in, Params{Passes: 3, MemoryKiB: 32, Lanes: 4}, 32)
	if hex.EncodeToString(got) != want {
		t.Errorf("%x, want %s", got, want)
	}
}

func TestKeysAreTheReferenceImplementations(t *testing.T) {
	// Printed by the reference implementation's command (Debian's argon2 0~20171227): argon2 saltsaltsaltsalt -id -t … -k … -p … -l … -r
	for _, c := range []struct {
		params Params
		want   string
	}{
		{Params{Passes: 2, MemoryKiB: 19456, Lanes: 1}, "01dc1e04bc1c7e59cd5f61d55bc8b532dbbb7ebae7e0a8bb87fad8486b94ec8b"},
		{Params{Passes: 1, MemoryKiB: 64, Lanes: 1}, "dba74b3dd4437b428b14257ba880a282"},
		{
			Params{Passes: 3, MemoryKiB: 1003, Lanes: 4},
			"e4418ade819b5132240dbf569d33dd343037c73a12f55b42152b3a38f0c8e754a1920934a3dd259f4f3a9fb999e96d75e1d8599ef5fd3d31c8717fc0537e9b65",
		},
		{
			Params{Passes: 4, MemoryKiB: 256, Lanes: 3},
			"2d8ad7ca7abb6310a7287cab072dd6dc2784cc9de00392ae5e3ab318f70ef8cf6ee94868a0b8c0549f96a2868a74d09d1bc6dad9aab0b8c6d0ec7e3ac487f3fa" +
				"b785e6e05c25873720ff62ae2eb4cadacd01ba52bd56d235f49f514a3a269a2e0d72732e",
		},
	} {
		got := Key([]byte("correct horse"), []byte("saltsaltsaltsalt"), c.params, uint32(len(c.want)/2))
		if hex.EncodeToString(got) != c.want {
			t.Errorf("%+v: %x, want %s", c.params, got, c.want)
		}
	}
}

func TestAnyParametersGiveWhatXCryptoGives(t *testing.T) {
	var m memory // one for all, so that each key finds what the last has left
	for _, seed := range []uint64{1, 2, 3} {
		source := rand.New(rand.NewPCG(seed, 9106))
		for range 100 {
			p := Params{Passes: 1 + source.Uint32N(4), Lanes: 1 + source.Uint32N(5)}
			p.MemoryKiB = 8*p.Lanes + source.Uint32N(1500)
			password, salt := noise(source, source.IntN(300)), noise(source, 8+source.IntN(57))
			size := 4 + source.Uint32N(200)
			want := argon2.IDKey(password, salt, p.Passes, p.MemoryKiB, uint8(p.Lanes), size)
			if got := m.derive(inputs{password: password, salt: salt}, p, size); !bytes.Equal(got, want) {
				t.Fatalf("%+v, %d bytes: %x, want %x", p, size, got, want)
			}
		}
	}
}

// FuzzKey: whatever the parameters, within some that are quick, the key is x/crypto's.
func FuzzKey(f *testing.F) {
	f.Add([]byte("password"), []byte("somesalt"), uint8(2), uint16(64), uint8(1), uint16(32))
	f.Add([]byte{}, []byte{}, uint8(1), uint16(255), uint8(7), uint16(65))
	f.Fuzz(func(t *testing.T, password, salt []byte, passes uint8, spare uint16, lanes uint8, size uint16) {
		p := Params{Passes: 1 + uint32(passes%4), Lanes: 1 + uint32(lanes%8)}
		p.MemoryKiB = 8*p.Lanes + uint32(spare%1024)
		n := 4 + uint32(size%1024)
		want := argon2.IDKey(password, salt, p.Passes, p.MemoryKiB, uint8(p.Lanes), n)
		if got := Key(password, salt, p, n); !bytes.Equal(got, want) {
			t.Errorf("%+v, %d bytes: %x, want %x", p, n, got, want)
		}
	})
}

func TestTheProcessorsOwnStepIsThePlainOne(t *testing.T) {
	type step func(out, x, y *block, add bool)
	source := rand.New(rand.NewPCG(3, 6))
	for range 1000 {
		x, y, old, add := randomBlock(source), randomBlock(source), randomBlock(source), source.IntN(2) == 1
		for name, result := range map[string]func(step) block{
			"apart": func(do step) block { out := old; do(&out, &x, &y, add); return out },
			"for x": func(do step) block { out := x; do(&out, &out, &y, add); return out },
			"for y": func(do step) block { out := y; do(&out, &x, &out, add); return out },
		} {
			if result(compress) != result(compressGeneric) {
				t.Fatalf("compress differs from compressGeneric: out %s, add %v", name, add)
			}
		}
	}
}

func TestThePlainStepGivesTheSameKeys(t *testing.T) {
	setFast(t, false)
	TestKeysAreTheReferenceImplementations(t)
}

func TestMemoryIsKeptForTheNextKeyAndNotForEver(t *testing.T) {
	var m memory
	key := func(kib uint32) {
		m.derive(inputs{password: []byte("password"), salt: []byte("saltsalt")}, Params{Passes: 1, MemoryKiB: kib, Lanes: 1}, 32)
	}
	key(1024)
	first := &m.blocks[0]
	if key(1000); &m.blocks[0] != first {
		t.Error("memory of the same size was allocated again")
	}
	if allocated := testing.AllocsPerRun(5, func() { key(1024) }); allocated > 20 {
		t.Errorf("a key in memory that is there makes %.0f allocations", allocated)
	}
	if key(64); cap(m.blocks) > hoard*64 {
		t.Errorf("%d KiB are kept by a key of 64", cap(m.blocks))
	}
}

func TestKeysThatAreDerivedAtOnceHaveMemoryOfTheirOwn(t *testing.T) {
	salt := []byte("saltsaltsaltsalt")
	var running sync.WaitGroup
	for n := range byte(8) {
		running.Go(func() {
			password, p := []byte{n}, Params{Passes: 2, MemoryKiB: 8 << n, Lanes: 1}
			want := argon2.IDKey(password, salt, p.Passes, p.MemoryKiB, uint8(p.Lanes), 32)
			for range 20 {
				if got := Key(password, salt, p, 32); !bytes.Equal(got, want) {
					t.Errorf("%+v: %x, want %x", p, got, want)
				}
			}
		})
	}
	running.Wait()
}

func TestTheCoreIsYieldedThroughoutAKey(t *testing.T) {
	p := Params{Passes: 2, MemoryKiB: 4096, Lanes: 2}
	f := new(memory).filler(p)
	yields := uint32(0)
	f.yield = func() { yields++ }
	f.run()
	if want := p.Passes*p.MemoryKiB/burst - p.Lanes; yields != want { // each lane's first two blocks were made before
		t.Errorf("%d yields, want %d: one for %d blocks", yields, want, burst)
	}
}

func TestParametersThatTheRFCDoesNotHavePanic(t *testing.T) {
	for name, p := range map[string]Params{
		"no pass":         {Passes: 0, MemoryKiB: 64, Lanes: 1},
		"no lane":         {Passes: 1, MemoryKiB: 64, Lanes: 0},
		"too little":      {Passes: 1, MemoryKiB: 7, Lanes: 1},
		"little for four": {Passes: 1, MemoryKiB: 31, Lanes: 4},
		"lanes overflow":  {Passes: 1, MemoryKiB: 64, Lanes: 1 << 29},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("a key was derived")
				}
			}()
			Key([]byte("password"), []byte("saltsalt"), p, 32)
		})
	}
}

func noise(source *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(source.Uint32())
	}
	return b
}

func randomBlock(source *rand.Rand) (b block) {
	for i := range b {
		b[i] = source.Uint64()
	}
	return b
}

// BenchmarkKey computes what authn does for a password: by this package with the processor's own step and with the plain one, and by x/crypto.
func BenchmarkKey(b *testing.B) {
	p := Params{Passes: 2, MemoryKiB: 19456, Lanes: 1}
	password, salt := []byte("correct horse"), []byte("saltsaltsaltsalt")
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			argon2.IDKey(password, salt, p.Passes, p.MemoryKiB, uint8(p.Lanes), 32)
		}
	})
	for name, own := range map[string]bool{"own": true, "plain": false} {
		b.Run(name, func(b *testing.B) {
			setFast(b, own)
			b.ReportAllocs()
			for b.Loop() {
				Key(password, salt, p, 32)
			}
		})
	}
}
