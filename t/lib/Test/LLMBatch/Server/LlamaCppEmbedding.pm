package Test::LLMBatch::Server::LlamaCppEmbedding;

# Copyright (C) The ngx_http_llm_batch_module authors

# /embedding of llama.cpp's server, and as => "content" /embeddings to a body
# with that: an array for "content" or "input", a bare one, too, without usage.

use v5.36;

use parent 'Test::LLMBatch::Server::LlamaCpp';

use Test::LLMBatch::Server qw/ floats is_number js seed vector /;


sub _name($self, $request) {
	return exists $request->{input} ? 'input' : 'content';
}

sub items($self, $request) {
	return unless ref $request eq 'HASH';

	my $v = $request->{$self->_name($request)};

	return unless defined $v;
	return $v if ref $v ne 'ARRAY' or grep { is_number($_) } @$v;
	return @$v;
}

sub columns($self, $request) { return $self->_name($request) }

sub refuse($self, $request, $how) {
	return 400, $self->error(400, 'Input content cannot be empty')
		if grep { !ref and $_ eq '' } $self->items($request);
	return;
}

sub answer($self, $request, $how) {
	my @items = $self->items($request);
	my %key = %$request;

	delete $key{$self->_name($request)};

	return '[' . join(',', map {
		'{' . $self->index_of($_) . qq!"embedding":[$_->[1]]}!
	} $self->disturb($how, map {
		[ $_, floats(vector(seed(js(\%key), $items[$_]))) ]
	} 0 .. $#items)) . ']';
}

1;
