package Test::LLMBatch::Server::NVIDIA;

# Copyright (C) The ngx_http_llm_batch_module authors

# /v1/ranking of NVIDIA's NIM: 512 passages at most, rankings by score.

use v5.36;

use parent 'Test::LLMBatch::Server';

use Test::LLMBatch::Server qw/ js seed texts_of tokens_of vector /;

my $max_items = 512;


# a pair of query and passage each

sub items($self, $request) {
	return unless ref $request eq 'HASH' and ref $request->{query} eq 'HASH'
		and ref $request->{passages} eq 'ARRAY';
	return map { [ $request->{query}{text}, $_ ] } @{$request->{passages}};
}

sub one($self, $request) {
	return { %$request, passages => [ $request->{passages}[0] ] };
}

sub exact($self, $request) { return 0 }
sub counts($self) { return qw/ prompt_tokens total_tokens / }

sub error($self, $status, $message) {
	return js({ object => 'error', message => $message, detail => {},
		type => 'invalid_request_error' });
}

sub refuse($self, $request, $how) {
	my @items = $self->items($request);

	return 422, $self->error(422, 'passages: List should have at most'
		. " $max_items items after validation") if @items > $max_items;
	return;
}

sub answer($self, $request, $how) {
	my @pairs = $self->items($request);
	my $tokens = tokens_of(@pairs);
	my %key = %$request;

	delete @key{qw/ query passages /};

	my @e = sort { $b->[1] <=> $a->[1] || $a->[0] <=> $b->[0] } map {
		my ($v) = vector(seed(js(\%key), $pairs[$_]), 1);
		[ $_, 20 * $v ]
	} 0 .. $#pairs;

	return '{"rankings":[' . join(',', map {
		'{' . $self->index_of($_) . sprintf('"logit":%.16f}', $_->[1])
	} $self->disturb($how, @e)) . qq!],"usage":{"prompt_tokens":$tokens,!
		. qq!"total_tokens":$tokens}}!;
}

1;
