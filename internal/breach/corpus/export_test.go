package corpus

// WithShards makes the builder cut small corpora into shards, as it does large ones.
func WithShards(c BuildConfig, keys int) BuildConfig {
	c.shardKeys = keys
	return c
}

// MaxLine is the length of the longest line.
const MaxLine = maxLine
