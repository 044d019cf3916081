package Test::LLMBatch::Server;

# Copyright (C) The ngx_http_llm_batch_module authors

# What a server answers: the base of the mocks of all APIs, one file each in
# Server/.  What an item is answered with depends on the model, the parameters
# and the item alone, so an answer that went to the wrong client is seen.
#
# A family has to have items() and answer(); the functions after them it may
# replace.  "as" is one server of several that speak the API, such as "vllm".

use v5.36;

no warnings 'experimental::builtin';

use Digest::SHA qw/ sha1 /;
use Encode qw/ encode_utf8 /;
use Exporter qw/ import /;
use List::Util qw/ shuffle sum0 /;
use MIME::Base64 qw/ encode_base64 /;

use Test::LLMBatch::JSON;

our @EXPORT_OK = qw/ base64 floats generated is_number js seed texts_of
	token_ids tokens_of vector /;

# the server that tests expect where they do not say; see Backend::as()

our $as = '';

# the first ending that fits

my @paths = (
	[ qr!/publishers/google/models/[^/]+:predict$!, 'Vertex' ],
	[ qr!/\@cf/!, 'Cloudflare' ],
	[ qr!/v1/ranking$|/retrieval/.*/reranking$!, 'NVIDIA' ],
	[ qr!/(?:pooling|classify)$!, 'Pooling' ],
	[ qr!/embedding$!, 'LlamaCppEmbedding' ],
	[ qr!/chat/completions(?:/batch)?$!, 'VLLM' ],
	[ qr!/score$!, 'VLLM' ],
	[ qr!/(?:embeddings|completions|moderations|classifications)$!,
		'OpenAI' ],
	[ qr!/rerank$!, 'Rerank' ],
	[ qr!/v[12]/embed$!, 'Cohere' ],
	[ qr!/api/embed$!, 'Ollama' ],
	[ qr!/(?:embed(?:_all|_sparse)?|predict)$!, 'TEI' ],
	[ qr!/models/[^/]+:(?:embedContent|batchEmbedContents)$!, 'Gemini' ],
	[ qr!/models/.*:predict$!, 'KServe' ],
	[ qr!/v2/models/.*/infer$!, 'KServe' ],
	[ qr!/generate$!, 'SGLang' ],
	[ qr!/completion$!, 'LlamaCpp' ],
	[ qr!/acme/\w+$!, 'Acme' ],
	[ qr!^/$|/pipeline/feature-extraction!, 'TEI' ],
);


# the server for a URI, or nothing

sub of($uri, $flavour = $as) {
	$uri =~ s/\?.*//s;
	$uri =~ s/%([0-9a-f]{2})/chr hex $1/gie;

	for (@paths) {
		my ($ending, $name) = @$_;
		next unless $uri =~ $ending;
		$name = 'LlamaCppEmbedding' if $name eq 'OpenAI'
			and $flavour eq 'content';
		$name = 'Rerank' if $uri eq '/' and $flavour eq 'reranker';

		my $class = "Test::LLMBatch::Server::$name";
		require "Test/LLMBatch/Server/$name.pm";
		return bless { path => $uri, as => $flavour // '' }, $class;
	}

	return;
}


# the items of a request, none if it is not one

sub items($self, $request) { die ref $self }

# the text of the right answer, but for what the script says

sub answer($self, $request, $how) { die ref $self }

# status and text of what the server does not take, or nothing

sub refuse($self, $request, $how) { return }

# an error in the shape of this API

sub error($self, $status, $message) {
	return encode_json({ error => { message => $message,
		type => 'invalid_request_error', param => undef,
		code => undef } });
}

sub headers($self, $request) { return {} }

# tokens of the input, as the usage counts them

sub tokens($self, $request) { return tokens_of($self->items($request)) }

# whether clients are told their own counts, or shares by estimate

sub exact($self, $request) {
	return !grep { !is_tokens($_) } $self->items($request);
}

# names of the counts in an answer, each the total of the call

sub counts($self) { return () }

# paths of the objects or numbers they are in

sub usage_paths($self) { return 'usage' }

# a request with one item that may share a call with this one

sub one($self, $request) {
	my %one = %$request;

	for my $name ($self->columns($request)) {
		my $v = $one{$name};
		$one{$name} = $v->[0] if ref $v eq 'ARRAY'
			and (ref $v->[0] or !is_number($v->[0]));
	}

	return \%one;
}

sub columns($self, $request) {
	return grep { exists $request->{$_} } qw/ input prompt inputs /;
}


# the whole answer: status, text, headers

sub reply($self, $request, $how) {
	my @items = $self->items($request);
	my $n = @items;
	my $poison = $how->{poison} // 'POISON';
	my $error = sub ($status, $message) {
		return $status, $self->error($status, $message), {};
	};

	return $error->(400, 'no input') if !$n;
	return $error->($how->{max_status} // 400, "batch size $n > maximum")
		if $n > ($how->{max_items} // $n);
	return $error->(400, 'max_tokens_per_request exceeded')
		if $how->{max_tokens}
		and $self->tokens($request) > $how->{max_tokens};

	if (my ($status, $text) = $self->refuse($request, $how)) {
		return $status, $text, {};
	}

	return $error->(400, "bad item of $n")
		if grep { index($_, $poison) >= 0 } map { texts_of($_) } @items;

	return 200, $self->answer($request, $how), $self->headers($request);
}

# the counts of an answer, by path

sub usage($self, $answer) {
	my %found;

	for my $path ($self->usage_paths()) {
		my $value = $answer;
		$value = ref $value eq 'HASH' ? $value->{$_} : undef
			for split /\./, $path;
		_counts(\%found, $path, $value);
	}

	return \%found;
}

sub _counts($found, $path, $value) {
	if (ref $value eq 'HASH') {
		_counts($found, "$path.$_", $value->{$_}) for keys %$value;

	} elsif (defined $value and !ref $value and $value =~ /^\d+$/) {
		$found->{$path} = $value;
	}
}

# what must be equal: all bytes, but for ids and, if estimated, counts

sub comparable($self, $text, $exact) {
	my @counts = $exact ? () : $self->counts();

	$text =~ s/"id":\s*"\K(?:[a-z]+-)?[0-9a-f-]{16,}/ID/;

	if (@counts) {
		my $names = join '|', @counts;
		$text =~ s/"(?:$names)":\s*\K\d+/N/g;
	}

	return $text;
}


# functions for the families

sub js($value) { return encode_json($value) }

sub is_number($v) {
	return defined $v && !ref $v && builtin::created_as_number($v);
}

sub is_tokens($v) {
	return ref $v eq 'ARRAY' && !grep { !is_number($_) } @$v;
}

# all strings in it, as text

sub texts_of($v) {
	return map { texts_of($_) } @$v if ref $v eq 'ARRAY';
	return map { texts_of($_) } @$v{sort keys %$v} if ref $v eq 'HASH';
	return () if !defined $v or ref $v or is_number($v);
	return $v;
}

# tokens: the numbers of a token array; of a text 1 + bytes / 4

sub tokens_of(@items) {
	return sum0 map {
		is_tokens($_) ? scalar @$_
			: ref $_ ? tokens_of(texts_of($_))
			: 1 + int(length(encode_utf8($_)) / 4)
	} @items;
}

sub seed($where, $item) {
	return encode_utf8($where) . "\0" . (ref $item ? js($item)
		: 'text:' . encode_utf8($item // ''));
}

# values have 16 binary digits, so both notations below are exact; the zeros
# at the end get lost if anybody prints the numbers anew

sub vector($seed, $n = 8) {
	my @v;

	for (my $i = 0; @v < $n; $i++) {
		push @v, map { $_ / 65536 - 0.5 } unpack 'n10', sha1("$i$seed");
	}

	$#v = $n - 1;
	return @v;
}

sub floats(@v) {
	return '[' . join(',', map { sprintf '%.16f', $_ } @v) . ']';
}

sub base64(@v) { return '"' . encode_base64(pack('f<*', @v), '') . '"' }

# numbers of tokens that stand for a text

sub token_ids($text, $n) {
	my @ids;

	for (my $i = 0; @ids < $n; $i++) {
		push @ids, unpack 'n10', sha1("ids $i" . encode_utf8($text));
	}

	return @ids[0 .. $n - 1];
}

my @words = qw/ one red sun the low sea is far a bird sings at noon "so"
	gr\x{fc}n still /;

# text, number of tokens and whether the limit ended it

sub generated($seed, $max) {
	my @bytes = unpack 'C20', sha1($seed);
	my $want = 1 + $bytes[0] % 12;
	my $n = $want < $max ? $want : $max;
	my $text = join '', map { " $words[$_ % @words]" } @bytes[1 .. $n];

	return $text, $n, $want > $max;
}

# an id of a call is never used again

my $calls = 0;

sub id($self, $prefix = '') {
	return $prefix . unpack 'H32', sha1(join ' ', $$, ++$calls, rand);
}

#
# Elements [ position, ... ] in the order they are sent, after what the script
# says about their number, order and positions.
#

sub disturb($self, $how, @e) {
	my $count = $how->{count} // 0;

	splice @e, $count if $count < 0;
	push @e, [ scalar @e, @{$e[-1]}[1 .. $#{$e[-1]}] ] for 1 .. $count;

	@e = reverse @e if ($how->{order} // '') eq 'reverse';
	@e = shuffle @e if ($how->{order} // '') eq 'shuffle';

	if (my $index = $how->{index}) {
		$e[-1] = [ @{$e[-1]} ];
		$e[-1][0] = $index eq 'duplicate' ? $e[0][0]
			: $index eq 'foreign' ? @e + 7
			: $index eq 'negative' ? -1 : undef;
	}

	return @e;
}

# "index":3, or nothing if there is none

sub index_of($self, $e) {
	return defined $e->[0] ? qq!"index":$e->[0],! : '';
}

1;
